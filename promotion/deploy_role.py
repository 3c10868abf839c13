"""The role of the CDK bootstrap stack that makes and executes change sets, as the CDK command line assumes it.

A pipeline then needs no permission of its own but to assume it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promotion.assembly import AssembledStack

if TYPE_CHECKING:
    import boto3


def deploy_session(session: boto3.Session, stack: AssembledStack) -> boto3.Session:
    """A session as the stack's deploy role; the given one where the role may not be assumed or there is none.

    The CDK command line goes on with the credentials at hand too: whoever may do it directly needs no role.
    """
    import boto3
    from botocore.exceptions import ClientError

    if not stack.deploy_role_arn:
        return session
    try:
        answer = session.client("sts").assume_role(RoleArn=stack.deploy_role_arn, RoleSessionName="kickstand")
    except ClientError:
        return session
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=stack.environment.rpartition("/")[2],
    )
