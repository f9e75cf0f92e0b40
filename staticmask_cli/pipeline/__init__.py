"""From inputs to masks: plan, process chips, combine, write, update."""
