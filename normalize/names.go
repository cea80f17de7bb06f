package normalize

// The sources that have a mapper, by their names in configuration, topics, rules
// and lake.
const (
	AWSCloudTrail    = "aws.cloudtrail"
	KubernetesAudit  = "kubernetes.audit"
	AzureActivity    = "azure.activity"
	AzureDefender    = "azure.defender"
	AzureEntra       = "azure.entra"
	AzureGraph       = "azure.graph"
	AzureResource    = "azure.resource"
	GatewayNGINX     = "gateway.nginx"
	GCPAudit         = "gcp.audit"
	NetworkAzureFlow = "network.azureflow"
	NetworkHubble    = "network.hubble"
	NetworkRoute53   = "network.route53"
	NetworkVPCFlow   = "network.vpcflow"
)
