"""Asserts in checks.py tell what they saw, as those of tests do."""

import pytest

pytest.register_assert_rewrite("tests.conformance.checks")
