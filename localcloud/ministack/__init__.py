"""ministack below the local cloud, and where it is corrected: S3, IAM, STS, CloudFormation, Step Functions and more.

ministack (https://github.com/ministackorg/ministack, MIT) is young and its inside moves, so it is pinned exactly, and
every name of it that is used is declared in one place and checked by a contract test.
"""
