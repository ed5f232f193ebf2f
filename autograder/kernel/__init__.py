"""The kernels: the course's kernelspec, the warm process, the sandbox and the provisioner."""
