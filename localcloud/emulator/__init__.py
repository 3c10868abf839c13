"""Every touch of ministack's inside, one module a touch, each held by a test (tests/local/test_emulator_seams.py).

ministack (https://github.com/ministackorg/ministack, MIT) gives S3, IAM, STS, CloudFormation, Step Functions and the
other services that the stacks use. It is young and its inside moves: it is pinned exactly, and nothing outside this
package and `localcloud.server` imports it.
"""
