package cloudtrail

// resources is, by service and by the first key of the path, where a call names what it
// is about. Types are CloudFormation's names.
var resources = map[string]map[string][]resource{
	"access-analyzer.amazonaws.com": {
		"analyzerName": {{kind: "AWS::AccessAnalyzer::Analyzer", arn: "arn:$p:access-analyzer:$r:$a:analyzer/$"}},
		"analyzerArn":  {{kind: "AWS::AccessAnalyzer::Analyzer"}},
	},
	"account.amazonaws.com": {
		"accountId": {{kind: "AWS::Organizations::Account"}},
	},
	"acm-pca.amazonaws.com": {
		"certificateAuthorityArn": {{kind: "AWS::ACMPCA::CertificateAuthority"}},
	},
	"acm.amazonaws.com": {
		"certificateArn": {
			{kind: "AWS::CertificateManager::Certificate"},
			{kind: "AWS::CertificateManager::Certificate", response: true},
		},
	},
	"apigateway.amazonaws.com": {
		"restApiId": {{kind: "AWS::ApiGateway::RestApi", arn: "arn:$p:apigateway:$r::/restapis/$"}},
		"apiId":     {{kind: "AWS::ApiGatewayV2::Api", arn: "arn:$p:apigateway:$r::/apis/$"}},
	},
	"athena.amazonaws.com": {
		"workGroup":        {{kind: "AWS::Athena::WorkGroup", arn: "arn:$p:athena:$r:$a:workgroup/$"}},
		"queryExecutionId": {{kind: "AWS::Athena::QueryExecution"}},
	},
	"autoscaling.amazonaws.com": {
		"autoScalingGroupName":    {{kind: "AWS::AutoScaling::AutoScalingGroup"}},
		"launchConfigurationName": {{kind: "AWS::AutoScaling::LaunchConfiguration"}},
	},
	"backup.amazonaws.com": {
		"backupVaultName":  {{kind: "AWS::Backup::BackupVault", arn: "arn:$p:backup:$r:$a:backup-vault:$"}},
		"backupPlanId":     {{kind: "AWS::Backup::BackupPlan", arn: "arn:$p:backup:$r:$a:backup-plan:$"}},
		"recoveryPointArn": {{kind: "AWS::Backup::RecoveryPoint"}},
	},
	"bedrock.amazonaws.com": {
		"modelId":             {{kind: "AWS::Bedrock::Model"}},
		"guardrailIdentifier": {{kind: "AWS::Bedrock::Guardrail"}},
		"agentId":             {{kind: "AWS::Bedrock::Agent"}},
	},
	"cloudformation.amazonaws.com": {
		"stackName":     {{kind: "AWS::CloudFormation::Stack"}},
		"stackId":       {{kind: "AWS::CloudFormation::Stack", response: true}},
		"stackSetName":  {{kind: "AWS::CloudFormation::StackSet"}},
		"changeSetName": {{kind: "AWS::CloudFormation::ChangeSet"}},
	},
	"cloudfront.amazonaws.com": {
		"id":             {{kind: "AWS::CloudFront::Distribution", arn: "arn:$p:cloudfront::$a:distribution/$"}},
		"distributionId": {{kind: "AWS::CloudFront::Distribution", arn: "arn:$p:cloudfront::$a:distribution/$"}},
	},
	"cloudtrail.amazonaws.com": {
		"name":              {{kind: "AWS::CloudTrail::Trail", arn: "arn:$p:cloudtrail:$r:$a:trail/$"}},
		"trailName":         {{kind: "AWS::CloudTrail::Trail", arn: "arn:$p:cloudtrail:$r:$a:trail/$"}},
		"trailNameList":     {{rest: path{"[]"}, kind: "AWS::CloudTrail::Trail", arn: "arn:$p:cloudtrail:$r:$a:trail/$"}},
		"eventDataStore":    {{kind: "AWS::CloudTrail::EventDataStore", arn: "arn:$p:cloudtrail:$r:$a:eventdatastore/$"}},
		"trailARN":          {{kind: "AWS::CloudTrail::Trail", response: true}},
		"eventDataStoreArn": {{kind: "AWS::CloudTrail::EventDataStore", response: true}},
		"channel":           {{kind: "AWS::CloudTrail::Channel", arn: "arn:$p:cloudtrail:$r:$a:channel/$"}},
	},
	"codebuild.amazonaws.com": {
		"projectName": {{kind: "AWS::CodeBuild::Project", arn: "arn:$p:codebuild:$r:$a:project/$"}},
		"name":        {{kind: "AWS::CodeBuild::Project", arn: "arn:$p:codebuild:$r:$a:project/$"}},
	},
	"codecommit.amazonaws.com": {
		"repositoryName": {{kind: "AWS::CodeCommit::Repository", arn: "arn:$p:codecommit:$r:$a:$"}},
	},
	"codepipeline.amazonaws.com": {
		"pipelineName": {{kind: "AWS::CodePipeline::Pipeline", arn: "arn:$p:codepipeline:$r:$a:$"}},
		"name":         {{kind: "AWS::CodePipeline::Pipeline", arn: "arn:$p:codepipeline:$r:$a:$"}},
	},
	"cognito-identity.amazonaws.com": {
		"identityPoolId": {{kind: "AWS::Cognito::IdentityPool", arn: "arn:$p:cognito-identity:$r:$a:identitypool/$"}},
	},
	"cognito-idp.amazonaws.com": {
		"userPoolId": {{kind: "AWS::Cognito::UserPool", arn: "arn:$p:cognito-idp:$r:$a:userpool/$"}},
	},
	"config.amazonaws.com": {
		"configurationRecorderName": {{kind: "AWS::Config::ConfigurationRecorder"}},
		"configurationRecorder":     {{rest: path{"name"}, kind: "AWS::Config::ConfigurationRecorder"}},
		"deliveryChannelName":       {{kind: "AWS::Config::DeliveryChannel"}},
		"deliveryChannel":           {{rest: path{"name"}, kind: "AWS::Config::DeliveryChannel"}},
		"configRuleName":            {{kind: "AWS::Config::ConfigRule"}},
	},
	"dms.amazonaws.com": {
		"replicationTaskArn": {{kind: "AWS::DMS::ReplicationTask"}},
		"endpointArn":        {{kind: "AWS::DMS::Endpoint"}},
	},
	"dynamodb.amazonaws.com": {
		"tableName":       {{kind: "AWS::DynamoDB::Table", arn: "arn:$p:dynamodb:$r:$a:table/$"}},
		"tableArn":        {{kind: "AWS::DynamoDB::Table"}},
		"backupArn":       {{kind: "AWS::DynamoDB::Backup"}},
		"globalTableName": {{kind: "AWS::DynamoDB::GlobalTable"}},
	},
	"ebs.amazonaws.com": {
		"snapshotId": {{kind: "AWS::EC2::Snapshot", arn: "arn:$p:ec2:$r::snapshot/$"}},
	},
	"ec2-instance-connect.amazonaws.com": {
		"instanceId": {{kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$"}},
	},
	"ec2.amazonaws.com": {
		"instanceId": {{kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$"}},
		"instancesSet": {
			{rest: path{"items", "[]", "instanceId"}, kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$"},
			{rest: path{"items", "[]", "instanceId"}, kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$", response: true},
		},
		"instances": {{rest: path{"items", "[]", "instanceId"}, kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$"}},
		"volumeId": {
			{kind: "AWS::EC2::Volume", arn: "arn:$p:ec2:$r:$a:volume/$"},
			{kind: "AWS::EC2::Volume", arn: "arn:$p:ec2:$r:$a:volume/$", response: true},
		},
		"volumeSet": {{rest: path{"items", "[]", "volumeId"}, kind: "AWS::EC2::Volume", arn: "arn:$p:ec2:$r:$a:volume/$"}},
		"snapshotId": {
			{kind: "AWS::EC2::Snapshot", arn: "arn:$p:ec2:$r::snapshot/$"},
			{kind: "AWS::EC2::Snapshot", arn: "arn:$p:ec2:$r::snapshot/$", response: true},
		},
		"snapshotSet":             {{rest: path{"items", "[]", "snapshotId"}, kind: "AWS::EC2::Snapshot", arn: "arn:$p:ec2:$r::snapshot/$"}},
		"sourceSnapshotId":        {{kind: "AWS::EC2::Snapshot", arn: "arn:$p:ec2:$r::snapshot/$"}},
		"CreateSnapshotsResponse": {{rest: path{"snapshotSet", "item", "snapshotId"}, kind: "AWS::EC2::Snapshot", arn: "arn:$p:ec2:$r::snapshot/$", response: true}},
		"imageId": {
			{kind: "AWS::EC2::Image", arn: "arn:$p:ec2:$r::image/$"},
			{kind: "AWS::EC2::Image", arn: "arn:$p:ec2:$r::image/$", response: true},
		},
		"imagesSet":     {{rest: path{"items", "[]", "imageId"}, kind: "AWS::EC2::Image", arn: "arn:$p:ec2:$r::image/$"}},
		"sourceImageId": {{kind: "AWS::EC2::Image", arn: "arn:$p:ec2:$r::image/$"}},
		"groupId": {
			{kind: "AWS::EC2::SecurityGroup", arn: "arn:$p:ec2:$r:$a:security-group/$", data: "ipPermissions"},
			{kind: "AWS::EC2::SecurityGroup", arn: "arn:$p:ec2:$r:$a:security-group/$", response: true},
		},
		"securityGroupIdSet":          {{rest: path{"items", "[]", "groupId"}, kind: "AWS::EC2::SecurityGroup", arn: "arn:$p:ec2:$r:$a:security-group/$"}},
		"securityGroupSet":            {{rest: path{"items", "[]", "groupId"}, kind: "AWS::EC2::SecurityGroup", arn: "arn:$p:ec2:$r:$a:security-group/$"}},
		"groupSet":                    {{rest: path{"items", "[]", "groupId"}, kind: "AWS::EC2::SecurityGroup", arn: "arn:$p:ec2:$r:$a:security-group/$"}},
		"groupName":                   {{kind: "AWS::EC2::SecurityGroup", data: "ipPermissions"}},
		"vpcId":                       {{kind: "AWS::EC2::VPC", arn: "arn:$p:ec2:$r:$a:vpc/$"}},
		"vpcSet":                      {{rest: path{"items", "[]", "vpcId"}, kind: "AWS::EC2::VPC", arn: "arn:$p:ec2:$r:$a:vpc/$"}},
		"vpc":                         {{rest: path{"vpcId"}, kind: "AWS::EC2::VPC", arn: "arn:$p:ec2:$r:$a:vpc/$", response: true}},
		"subnetId":                    {{kind: "AWS::EC2::Subnet", arn: "arn:$p:ec2:$r:$a:subnet/$"}},
		"subnet":                      {{rest: path{"subnetId"}, kind: "AWS::EC2::Subnet", arn: "arn:$p:ec2:$r:$a:subnet/$", response: true}},
		"networkInterfaceId":          {{kind: "AWS::EC2::NetworkInterface", arn: "arn:$p:ec2:$r:$a:network-interface/$"}},
		"networkInterface":            {{rest: path{"networkInterfaceId"}, kind: "AWS::EC2::NetworkInterface", arn: "arn:$p:ec2:$r:$a:network-interface/$", response: true}},
		"routeTableId":                {{kind: "AWS::EC2::RouteTable", arn: "arn:$p:ec2:$r:$a:route-table/$"}},
		"routeTable":                  {{rest: path{"routeTableId"}, kind: "AWS::EC2::RouteTable", arn: "arn:$p:ec2:$r:$a:route-table/$", response: true}},
		"internetGatewayId":           {{kind: "AWS::EC2::InternetGateway", arn: "arn:$p:ec2:$r:$a:internet-gateway/$"}},
		"internetGateway":             {{rest: path{"internetGatewayId"}, kind: "AWS::EC2::InternetGateway", arn: "arn:$p:ec2:$r:$a:internet-gateway/$", response: true}},
		"networkAclId":                {{kind: "AWS::EC2::NetworkAcl", arn: "arn:$p:ec2:$r:$a:network-acl/$"}},
		"networkAcl":                  {{rest: path{"networkAclId"}, kind: "AWS::EC2::NetworkAcl", arn: "arn:$p:ec2:$r:$a:network-acl/$", response: true}},
		"launchTemplateId":            {{kind: "AWS::EC2::LaunchTemplate", arn: "arn:$p:ec2:$r:$a:launch-template/$"}},
		"natGatewayId":                {{kind: "AWS::EC2::NatGateway", arn: "arn:$p:ec2:$r:$a:natgateway/$"}},
		"transitGatewayId":            {{kind: "AWS::EC2::TransitGateway", arn: "arn:$p:ec2:$r:$a:transit-gateway/$"}},
		"allocationId":                {{kind: "AWS::EC2::EIP", arn: "arn:$p:ec2:$r:$a:elastic-ip/$"}},
		"keyName":                     {{kind: "AWS::EC2::KeyPair", arn: "arn:$p:ec2:$r:$a:key-pair/$"}},
		"DeleteFlowLogsRequest":       {{rest: path{"FlowLogId", "content"}, kind: "AWS::EC2::FlowLog", arn: "arn:$p:ec2:$r:$a:vpc-flow-log/$"}},
		"GetPasswordDataRequest":      {{rest: path{"InstanceId"}, kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$"}},
		"DescribeVpcEndpointsRequest": {{rest: path{"VpcEndpointId", "content"}, kind: "AWS::EC2::VPCEndpoint", arn: "arn:$p:ec2:$r:$a:vpc-endpoint/$"}},
		"resourcesSet": {
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$", prefix: "i-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::Volume", arn: "arn:$p:ec2:$r:$a:volume/$", prefix: "vol-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::Snapshot", arn: "arn:$p:ec2:$r::snapshot/$", prefix: "snap-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::Image", arn: "arn:$p:ec2:$r::image/$", prefix: "ami-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::SecurityGroup", arn: "arn:$p:ec2:$r:$a:security-group/$", prefix: "sg-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::VPC", arn: "arn:$p:ec2:$r:$a:vpc/$", prefix: "vpc-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::Subnet", arn: "arn:$p:ec2:$r:$a:subnet/$", prefix: "subnet-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::NetworkInterface", arn: "arn:$p:ec2:$r:$a:network-interface/$", prefix: "eni-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::RouteTable", arn: "arn:$p:ec2:$r:$a:route-table/$", prefix: "rtb-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::InternetGateway", arn: "arn:$p:ec2:$r:$a:internet-gateway/$", prefix: "igw-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::NetworkAcl", arn: "arn:$p:ec2:$r:$a:network-acl/$", prefix: "acl-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::LaunchTemplate", arn: "arn:$p:ec2:$r:$a:launch-template/$", prefix: "lt-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::NatGateway", arn: "arn:$p:ec2:$r:$a:natgateway/$", prefix: "nat-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::FlowLog", arn: "arn:$p:ec2:$r:$a:vpc-flow-log/$", prefix: "fl-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::TransitGateway", arn: "arn:$p:ec2:$r:$a:transit-gateway/$", prefix: "tgw-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::VPCEndpoint", arn: "arn:$p:ec2:$r:$a:vpc-endpoint/$", prefix: "vpce-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::KeyPair", arn: "arn:$p:ec2:$r:$a:key-pair/$", prefix: "key-"},
			{rest: path{"items", "[]", "resourceId"}, kind: "AWS::EC2::EIP", arn: "arn:$p:ec2:$r:$a:elastic-ip/$", prefix: "eipalloc-"},
		},
	},
	"ecr-public.amazonaws.com": {
		"repositoryName": {{kind: "AWS::ECR::PublicRepository"}},
	},
	"ecr.amazonaws.com": {
		"repositoryName": {{kind: "AWS::ECR::Repository", arn: "arn:$p:ecr:$r:$a:repository/$"}},
	},
	"ecs.amazonaws.com": {
		"cluster":     {{kind: "AWS::ECS::Cluster", arn: "arn:$p:ecs:$r:$a:cluster/$"}},
		"clusterName": {{kind: "AWS::ECS::Cluster", arn: "arn:$p:ecs:$r:$a:cluster/$"}},
		"taskDefinition": {
			{kind: "AWS::ECS::TaskDefinition", arn: "arn:$p:ecs:$r:$a:task-definition/$"},
			{rest: path{"taskDefinitionArn"}, kind: "AWS::ECS::TaskDefinition", response: true},
		},
		"family":  {{kind: "AWS::ECS::TaskDefinition"}},
		"task":    {{kind: "AWS::ECS::Task"}},
		"service": {{kind: "AWS::ECS::Service"}},
		"tasks":   {{rest: path{"[]", "taskArn"}, kind: "AWS::ECS::Task", response: true}},
	},
	"eks.amazonaws.com": {
		"name":          {{kind: "AWS::EKS::Cluster", arn: "arn:$p:eks:$r:$a:cluster/$"}},
		"clusterName":   {{kind: "AWS::EKS::Cluster", arn: "arn:$p:eks:$r:$a:cluster/$"}},
		"nodegroupName": {{kind: "AWS::EKS::Nodegroup"}},
		"addonName":     {{kind: "AWS::EKS::Addon"}},
	},
	"elasticache.amazonaws.com": {
		"cacheClusterId":     {{kind: "AWS::ElastiCache::CacheCluster", arn: "arn:$p:elasticache:$r:$a:cluster:$"}},
		"replicationGroupId": {{kind: "AWS::ElastiCache::ReplicationGroup", arn: "arn:$p:elasticache:$r:$a:replicationgroup:$"}},
	},
	"elasticfilesystem.amazonaws.com": {
		"fileSystemId":  {{kind: "AWS::EFS::FileSystem", arn: "arn:$p:elasticfilesystem:$r:$a:file-system/$"}},
		"mountTargetId": {{kind: "AWS::EFS::MountTarget"}},
	},
	"elasticloadbalancing.amazonaws.com": {
		"loadBalancerArn":  {{kind: "AWS::ElasticLoadBalancingV2::LoadBalancer"}},
		"loadBalancerName": {{kind: "AWS::ElasticLoadBalancing::LoadBalancer", arn: "arn:$p:elasticloadbalancing:$r:$a:loadbalancer/$"}},
		"targetGroupArn":   {{kind: "AWS::ElasticLoadBalancingV2::TargetGroup"}},
		"listenerArn":      {{kind: "AWS::ElasticLoadBalancingV2::Listener"}},
	},
	"elasticmapreduce.amazonaws.com": {
		"clusterId": {{kind: "AWS::EMR::Cluster", arn: "arn:$p:elasticmapreduce:$r:$a:cluster/$"}},
		"jobFlowId": {{kind: "AWS::EMR::Cluster", arn: "arn:$p:elasticmapreduce:$r:$a:cluster/$"}},
	},
	"es.amazonaws.com": {
		"domainName": {{kind: "AWS::OpenSearchService::Domain", arn: "arn:$p:es:$r:$a:domain/$"}},
	},
	"events.amazonaws.com": {
		"name":         {{kind: "AWS::Events::Rule", arn: "arn:$p:events:$r:$a:rule/$"}},
		"rule":         {{kind: "AWS::Events::Rule", arn: "arn:$p:events:$r:$a:rule/$"}},
		"ruleArn":      {{kind: "AWS::Events::Rule", response: true}},
		"eventBusName": {{kind: "AWS::Events::EventBus", arn: "arn:$p:events:$r:$a:event-bus/$"}},
	},
	"firehose.amazonaws.com": {
		"deliveryStreamName": {{kind: "AWS::KinesisFirehose::DeliveryStream", arn: "arn:$p:firehose:$r:$a:deliverystream/$"}},
	},
	"glue.amazonaws.com": {
		"databaseName": {{kind: "AWS::Glue::Database", arn: "arn:$p:glue:$r:$a:database/$"}},
		"jobName":      {{kind: "AWS::Glue::Job", arn: "arn:$p:glue:$r:$a:job/$"}},
		"crawlerName":  {{kind: "AWS::Glue::Crawler", arn: "arn:$p:glue:$r:$a:crawler/$"}},
		"endpointName": {{kind: "AWS::Glue::DevEndpoint"}},
	},
	"guardduty.amazonaws.com": {
		"detectorId": {
			{kind: "AWS::GuardDuty::Detector", arn: "arn:$p:guardduty:$r:$a:detector/$"},
			{kind: "AWS::GuardDuty::Detector", arn: "arn:$p:guardduty:$r:$a:detector/$", response: true},
		},
	},
	"iam.amazonaws.com": {
		"userName":            {{kind: "AWS::IAM::User"}},
		"roleName":            {{kind: "AWS::IAM::Role"}},
		"groupName":           {{kind: "AWS::IAM::Group"}},
		"policyArn":           {{kind: "AWS::IAM::ManagedPolicy"}},
		"policyName":          {{kind: "AWS::IAM::Policy"}},
		"instanceProfileName": {{kind: "AWS::IAM::InstanceProfile"}},
		"sAMLProviderArn": {
			{kind: "AWS::IAM::SAMLProvider"},
			{kind: "AWS::IAM::SAMLProvider", response: true},
		},
		"openIDConnectProviderArn": {
			{kind: "AWS::IAM::OIDCProvider"},
			{kind: "AWS::IAM::OIDCProvider", response: true},
		},
		"serverCertificateName": {{kind: "AWS::IAM::ServerCertificate"}},
		"serialNumber":          {{kind: "AWS::IAM::VirtualMFADevice"}},
		"virtualMFADeviceName":  {{kind: "AWS::IAM::VirtualMFADevice", arn: "arn:$p:iam::$a:mfa/$"}},
		"role":                  {{rest: path{"arn"}, kind: "AWS::IAM::Role", response: true}},
		"policy":                {{rest: path{"arn"}, kind: "AWS::IAM::ManagedPolicy", response: true}},
		"instanceProfile":       {{rest: path{"arn"}, kind: "AWS::IAM::InstanceProfile", response: true}},
		"virtualMFADevice":      {{rest: path{"serialNumber"}, kind: "AWS::IAM::VirtualMFADevice", response: true}},
	},
	"inspector2.amazonaws.com": {
		"arn": {{kind: "AWS::InspectorV2::Filter"}},
	},
	"kinesis.amazonaws.com": {
		"streamName": {{kind: "AWS::Kinesis::Stream", arn: "arn:$p:kinesis:$r:$a:stream/$"}},
		"streamARN":  {{kind: "AWS::Kinesis::Stream"}},
	},
	"kms.amazonaws.com": {
		"keyId": {
			{kind: "AWS::KMS::Alias", arn: "arn:$p:kms:$r:$a:$", prefix: "alias/"},
			{kind: "AWS::KMS::Key", arn: "arn:$p:kms:$r:$a:key/$", unless: "alias/"},
		},
		"aliasName":   {{kind: "AWS::KMS::Alias", arn: "arn:$p:kms:$r:$a:$"}},
		"targetKeyId": {{kind: "AWS::KMS::Key", arn: "arn:$p:kms:$r:$a:key/$"}},
		"keyMetadata": {{rest: path{"arn"}, kind: "AWS::KMS::Key", response: true}},
	},
	"lakeformation.amazonaws.com": {
		"resource": {{rest: path{"database", "name"}, kind: "AWS::Glue::Database", arn: "arn:$p:glue:$r:$a:database/$"}},
	},
	"lambda.amazonaws.com": {
		"functionName":   {{kind: "AWS::Lambda::Function", arn: "arn:$p:lambda:$r:$a:function:$"}},
		"functionArn":    {{kind: "AWS::Lambda::Function", response: true}},
		"layerName":      {{kind: "AWS::Lambda::LayerVersion", arn: "arn:$p:lambda:$r:$a:layer:$"}},
		"eventSourceArn": {{kind: "AWS::Lambda::EventSourceMapping"}},
	},
	"lightsail.amazonaws.com": {
		"instanceName":  {{kind: "AWS::Lightsail::Instance"}},
		"instanceNames": {{rest: path{"[]"}, kind: "AWS::Lightsail::Instance"}},
	},
	"logs.amazonaws.com": {
		"logGroupName":       {{kind: "AWS::Logs::LogGroup", arn: "arn:$p:logs:$r:$a:log-group:$"}},
		"logGroupIdentifier": {{kind: "AWS::Logs::LogGroup", arn: "arn:$p:logs:$r:$a:log-group:$"}},
	},
	"macie2.amazonaws.com": {
		"jobId": {{kind: "AWS::Macie::ClassificationJob"}},
	},
	"monitoring.amazonaws.com": {
		"alarmNames": {{rest: path{"[]"}, kind: "AWS::CloudWatch::Alarm", arn: "arn:$p:cloudwatch:$r:$a:alarm:$"}},
		"alarmName":  {{kind: "AWS::CloudWatch::Alarm", arn: "arn:$p:cloudwatch:$r:$a:alarm:$"}},
	},
	"organizations.amazonaws.com": {
		"accountId":            {{kind: "AWS::Organizations::Account"}},
		"policyId":             {{kind: "AWS::Organizations::Policy"}},
		"targetId":             {{}},
		"organizationalUnitId": {{kind: "AWS::Organizations::OrganizationalUnit"}},
		"createAccountStatus":  {{rest: path{"accountId"}, kind: "AWS::Organizations::Account", response: true}},
	},
	"ram.amazonaws.com": {
		"resourceShareArn": {{kind: "AWS::RAM::ResourceShare"}},
		"resourceArns":     {{rest: path{"[]"}}},
	},
	"rds.amazonaws.com": {
		"dBInstanceIdentifier":        {{kind: "AWS::RDS::DBInstance", arn: "arn:$p:rds:$r:$a:db:$"}},
		"sourceDBInstanceIdentifier":  {{kind: "AWS::RDS::DBInstance", arn: "arn:$p:rds:$r:$a:db:$"}},
		"targetDBInstanceIdentifier":  {{kind: "AWS::RDS::DBInstance", arn: "arn:$p:rds:$r:$a:db:$"}},
		"dBClusterIdentifier":         {{kind: "AWS::RDS::DBCluster", arn: "arn:$p:rds:$r:$a:cluster:$"}},
		"dBSnapshotIdentifier":        {{kind: "AWS::RDS::DBSnapshot", arn: "arn:$p:rds:$r:$a:snapshot:$"}},
		"sourceDBSnapshotIdentifier":  {{kind: "AWS::RDS::DBSnapshot", arn: "arn:$p:rds:$r:$a:snapshot:$"}},
		"targetDBSnapshotIdentifier":  {{kind: "AWS::RDS::DBSnapshot", arn: "arn:$p:rds:$r:$a:snapshot:$"}},
		"dBClusterSnapshotIdentifier": {{kind: "AWS::RDS::DBClusterSnapshot", arn: "arn:$p:rds:$r:$a:cluster-snapshot:$"}},
		"dBSecurityGroupName":         {{kind: "AWS::RDS::DBSecurityGroup", arn: "arn:$p:rds:$r:$a:secgrp:$"}},
		"dBParameterGroupName":        {{kind: "AWS::RDS::DBParameterGroup", arn: "arn:$p:rds:$r:$a:pg:$"}},
		"exportTaskIdentifier":        {{kind: "AWS::RDS::ExportTask"}},
		"dBInstanceArn":               {{kind: "AWS::RDS::DBInstance", response: true}},
		"dBClusterArn":                {{kind: "AWS::RDS::DBCluster", response: true}},
		"dBSnapshotArn":               {{kind: "AWS::RDS::DBSnapshot", response: true}},
		"resourceName":                {{}},
	},
	"redshift.amazonaws.com": {
		"clusterIdentifier":  {{kind: "AWS::Redshift::Cluster", arn: "arn:$p:redshift:$r:$a:cluster:$"}},
		"snapshotIdentifier": {{kind: "AWS::Redshift::Snapshot"}},
	},
	"rolesanywhere.amazonaws.com": {
		"trustAnchorId": {{kind: "AWS::RolesAnywhere::TrustAnchor", arn: "arn:$p:rolesanywhere:$r:$a:trust-anchor/$"}},
		"profileId":     {{kind: "AWS::RolesAnywhere::Profile", arn: "arn:$p:rolesanywhere:$r:$a:profile/$"}},
	},
	"route53.amazonaws.com": {
		"hostedZoneId": {{kind: "AWS::Route53::HostedZone", arn: "arn:$p:route53:::hostedzone/$"}},
	},
	"route53domains.amazonaws.com": {
		"domainName": {{kind: "AWS::Route53Domains::Domain"}},
	},
	"s3.amazonaws.com": {
		"bucketName":      {{kind: "AWS::S3::Bucket", arn: "arn:$p:s3:::$"}},
		"key":             {{kind: "AWS::S3::Object", arn: "arn:$p:s3:::$b/$"}},
		"accessPointName": {{kind: "AWS::S3::AccessPoint", arn: "arn:$p:s3:$r:$a:accesspoint/$"}},
	},
	"sagemaker.amazonaws.com": {
		"notebookInstanceName": {{kind: "AWS::SageMaker::NotebookInstance", arn: "arn:$p:sagemaker:$r:$a:notebook-instance/$"}},
		"endpointName":         {{kind: "AWS::SageMaker::Endpoint", arn: "arn:$p:sagemaker:$r:$a:endpoint/$"}},
		"modelName":            {{kind: "AWS::SageMaker::Model", arn: "arn:$p:sagemaker:$r:$a:model/$"}},
	},
	"scheduler.amazonaws.com": {
		"name": {{kind: "AWS::Scheduler::Schedule"}},
	},
	"secretsmanager.amazonaws.com": {
		"secretId":     {{kind: "AWS::SecretsManager::Secret"}},
		"secretIdList": {{rest: path{"[]"}, kind: "AWS::SecretsManager::Secret"}},
		"name":         {{kind: "AWS::SecretsManager::Secret"}},
		"arn":          {{kind: "AWS::SecretsManager::Secret", response: true}},
		"aRN":          {{kind: "AWS::SecretsManager::Secret", response: true}},
	},
	"securityhub.amazonaws.com": {
		"hubArn":          {{kind: "AWS::SecurityHub::Hub"}},
		"insightArn":      {{kind: "AWS::SecurityHub::Insight"}},
		"actionTargetArn": {{kind: "AWS::SecurityHub::ActionTarget"}},
	},
	"ses.amazonaws.com": {
		"emailIdentity": {{kind: "AWS::SES::EmailIdentity", arn: "arn:$p:ses:$r:$a:identity/$"}},
		"identity":      {{kind: "AWS::SES::EmailIdentity", arn: "arn:$p:ses:$r:$a:identity/$"}},
	},
	"sns.amazonaws.com": {
		"topicArn": {
			{kind: "AWS::SNS::Topic"},
			{kind: "AWS::SNS::Topic", response: true},
		},
		"name":            {{kind: "AWS::SNS::Topic", arn: "arn:$p:sns:$r:$a:$"}},
		"subscriptionArn": {{kind: "AWS::SNS::Subscription"}},
	},
	"sqs.amazonaws.com": {
		"queueUrl":  {{kind: "AWS::SQS::Queue"}},
		"queueName": {{kind: "AWS::SQS::Queue", arn: "arn:$p:sqs:$r:$a:$"}},
	},
	"ssm.amazonaws.com": {
		"names": {
			{rest: path{"[]"}, kind: "AWS::SSM::Parameter", arn: "arn:$p:ssm:$r:$a:parameter$", prefix: "/"},
			{rest: path{"[]"}, kind: "AWS::SSM::Parameter", arn: "arn:$p:ssm:$r:$a:parameter/$", unless: "/"},
		},
		"name": {
			{kind: "AWS::SSM::Parameter", arn: "arn:$p:ssm:$r:$a:parameter$", prefix: "/"},
			{kind: "AWS::SSM::Parameter", arn: "arn:$p:ssm:$r:$a:parameter/$", unless: "/"},
		},
		"documentName": {{kind: "AWS::SSM::Document", arn: "arn:$p:ssm:$r:$a:document/$"}},
		"instanceIds":  {{rest: path{"[]"}, kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$"}},
		"target":       {{kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$", prefix: "i-"}},
		"resourceId":   {{kind: "AWS::EC2::Instance", arn: "arn:$p:ec2:$r:$a:instance/$", prefix: "i-"}},
	},
	"sso.amazonaws.com": {
		"permissionSetArn": {{kind: "AWS::SSO::PermissionSet"}},
		"instanceArn":      {{kind: "AWS::SSO::Instance"}},
		"targetId":         {{kind: "AWS::Organizations::Account"}},
		"applicationArn":   {{kind: "AWS::SSO::Application"}},
	},
	"states.amazonaws.com": {
		"stateMachineArn": {{kind: "AWS::StepFunctions::StateMachine"}},
		"executionArn":    {{kind: "AWS::StepFunctions::Execution"}},
	},
	"storagegateway.amazonaws.com": {
		"gatewayARN": {{kind: "AWS::StorageGateway::Gateway"}},
	},
	"tagging.amazonaws.com": {
		"resourceARNList": {{rest: path{"[]"}}},
	},
	"transfer.amazonaws.com": {
		"serverId": {{kind: "AWS::Transfer::Server", arn: "arn:$p:transfer:$r:$a:server/$"}},
	},
	"wafv2.amazonaws.com": {
		"webACLArn":   {{kind: "AWS::WAFv2::WebACL"}},
		"resourceArn": {{}},
		"name":        {{kind: "AWS::WAFv2::WebACL"}},
	},
}
