"""The trusted side: rebuild a submission, ask the sandbox, compare, write the report. Never runs a learner's code."""
