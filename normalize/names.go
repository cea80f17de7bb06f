package normalize

// The sources that have a mapper, by their names in configuration, topics, rules
// and lake.
const (
	AWSCloudTrail   = "aws.cloudtrail"
	KubernetesAudit = "kubernetes.audit"
	AzureActivity   = "azure.activity"
	GatewayNGINX    = "gateway.nginx"
)
