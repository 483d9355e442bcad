ARG BASE
FROM ${BASE}
CMD ["python3", "-c", "import time; time.sleep(1e6)"]
