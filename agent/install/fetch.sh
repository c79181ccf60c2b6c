#!/bin/bash
# Downloads the agent's package with the instance's own credentials and runs its installer. Cloud-init and Systems
# Manager run this with three variables in front; it wants nothing on the machine but curl 7.86 or later and tar.
#   PACKAGE_URL   https://BUCKET.s3.REGION.amazonaws.com/KEY
#   API_ENDPOINT  stack output ApiEndpoint
#   REGION        of both
set -euo pipefail
: "${PACKAGE_URL:?}" "${API_ENDPOINT:?}" "${REGION:?}"
imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

instance_says() {
  curl -fsS --retry 5 --retry-connrefused -m 10 -H "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/$1"
}
field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" "$work/credentials"; }

token=$(curl -fsS --retry 5 --retry-connrefused -m 10 -X PUT "$imds/latest/api/token" -H 'X-aws-ec2-metadata-token-ttl-seconds: 300')
role=$(instance_says iam/security-credentials/) || {
  echo 'hivemind: this instance has no instance profile; give it HivemindHost and repeat' >&2
  exit 1
}
(umask 077; instance_says "iam/security-credentials/$role" >"$work/credentials")

# S3 wants the hash of the body, here of none; curl before 8 does not send it.
nothing=$(sha256sum </dev/null | cut -d' ' -f1)
# By standard input: arguments show in the list of processes.
curl -fsS --retry 5 -m 600 --config - -o "$work/package.tar.gz" <<CONFIG
url = "$PACKAGE_URL"
aws-sigv4 = "aws:amz:$REGION:s3"
user = "$(field AccessKeyId):$(field SecretAccessKey)"
header = "x-amz-security-token: $(field Token)"
header = "x-amz-content-sha256: $nothing"
CONFIG
mkdir "$work/package"
tar -xzf "$work/package.tar.gz" -C "$work/package"
bash "$work/package/install.sh" --endpoint "$API_ENDPOINT" --region "$REGION" "$@"
