"""Tests of the package io."""
