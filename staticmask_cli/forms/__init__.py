"""Lists of bad pixels in the forms of other tools: written by export, read by include.

Every form says which value is bad and, if it was made from a mask, which mask that was; the words
for both are in `origin`.  A list that does not say what it is must be explained by the user:
nothing is guessed, as a mask that is read the wrong way round flags all good pixels.
"""
