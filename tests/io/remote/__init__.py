"""Tests of the package io.remote."""
