"""What is asked: one module per lesson. It ships to the learner's process, so it holds no answers."""
