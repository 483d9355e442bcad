"""Passes the reports of a test in a kernel of the virtual clock on to the session that booted it, line by line."""

import json
import os

import pytest

VARIABLE = "BADWIRE_TEST_REPORTS"
"""The environment variable with the path of the file, in the session of the one test in a kernel."""


class Reports:
    """A plugin that writes each report to the file."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._file = os.environ[VARIABLE]

    @staticmethod
    def are_wanted() -> bool:
        """Whether this session is that of one test, in a kernel that another session has booted for it."""
        return VARIABLE in os.environ

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Append a report to the file."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        line = json.dumps(data, default=str)
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(f"{line}\n")
