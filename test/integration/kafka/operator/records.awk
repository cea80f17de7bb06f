# CloudTrail records [from, to), one a line and six seconds apart from base on. One
# in 40 is broken, one in 25 stops a trail, one in three reads a secret.
BEGIN {
  split("alice bob carol", users, " ")
  for (i = from; i < to; i++) {
    if (i % 40 == 7) {
      printf "{\"eventID\": \"broken-%d\", \n", i
      continue
    }
    name = "DescribeInstances"; service = "ec2.amazonaws.com"
    if (i % 25 == 3) { name = "StopLogging"; service = "cloudtrail.amazonaws.com" }
    else if (i % 3 == 0) { name = "GetSecretValue"; service = "secretsmanager.amazonaws.com" }
    user = users[i % 7 % 3 + 1]
    printf "{\"eventVersion\":\"1.11\",\"userIdentity\":{\"type\":\"IAMUser\",\"arn\":\"arn:aws:iam::111122223333:user/%s\",\"accountId\":\"111122223333\",\"userName\":\"%s\"},", user, user
    printf "\"eventTime\":\"%s\",\"eventSource\":\"%s\",\"eventName\":\"%s\",\"awsRegion\":\"eu-west-1\",\"sourceIPAddress\":\"192.0.2.%d\",", strftime("%Y-%m-%dT%H:%M:%SZ", base + 6 * i, 1), service, name, i % 250 + 1
    printf "\"userAgent\":\"aws-cli/2.31.0\",\"eventID\":\"00000000-0000-4000-8000-%012d\",\"eventType\":\"AwsApiCall\",\"recipientAccountId\":\"111122223333\"}\n", i
  }
}
