package main

import (
	"fmt"
	"strings"
	"time"
)

const (
	portalApp = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
	cliApp    = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
)

func azureUser(p person, app string) principal {
	return principal{kind: "User", oid: p.oid, name: p.title(), email: p.email(), app: app, ip: p.ip}
}

var (
	azurePipeline = principal{kind: "ServicePrincipal", oid: "7c9a4a52-08ad-4a5e-8b7b-6a6d5f3e2c81", app: "2d4f6b8e-9c0a-4e1f-8d3b-5a7c9e1f3b5d", ip: "198.51.100.24"}
	azureBackup   = principal{kind: "ServicePrincipal", oid: "51e0f7c3-6d2b-4f8a-9a1e-3c5d7e9f1b3d", app: "9f1e3d5c-7b9a-4c2e-8f6d-0b2d4f6a8c0e", ip: "10.40.2.7",
		identity: subscriptionScope + "/resourcegroups/rg-warehouse/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-backup"}
	azurePolicy = principal{kind: "ServicePrincipal", oid: "e2b4d6f8-1a3c-4e5f-9b7d-0c2e4a6c8e0a", app: "1d78a85d-813d-46f0-b496-dd72f50a3ec0", ip: "10.40.0.4"}
)

// resourceIn is a resource of the warehouse's resource group.
func resourceIn(kind, name string) string {
	return "/resourceGroups/rg-warehouse/providers/" + kind + "/" + name
}

// people are employees in the portal and with az.
func (l *activityLog) people() {
	for i, p := range people[:6] {
		who := azureUser(p, []string{portalApp, cliApp}[i%2])
		for _, at := range l.every(35*time.Minute, clock("08:10:00"), dayEnd) {
			vm := resourceIn("Microsoft.Compute/virtualMachines", fmt.Sprintf("vm-scan-%02d", 1+l.IntN(6)))
			operations := []operation{
				{name: "Microsoft.Compute/virtualMachines/start/action", resource: vm, accepted: true, location: "westeurope"},
				{name: "Microsoft.Compute/virtualMachines/deallocate/action", resource: vm, accepted: true, location: "westeurope"},
				{name: "Microsoft.Resources/tags/write", resource: vm + "/providers/Microsoft.Resources/tags/default", body: obj("operation", "Merge", "properties", obj("tags", obj("owner", p.name)))},
				{name: "Microsoft.Network/networkSecurityGroups/securityRules/write", resource: resourceIn("Microsoft.Network/networkSecurityGroups", "nsg-warehouse") + "/securityRules/scanners", accepted: true, location: "westeurope",
					body: obj("properties", obj("protocol", "Tcp", "sourceAddressPrefix", "192.0.2.0/26", "destinationPortRange", "8443", "access", "Allow", "priority", 310, "direction", "Inbound"))},
				{name: "Microsoft.Insights/diagnosticSettings/write", resource: resourceIn("Microsoft.KeyVault/vaults", "kv-warehouse") + "/providers/Microsoft.Insights/diagnosticSettings/to-archive"},
				{name: "Microsoft.Authorization/roleAssignments/write", resource: resourceIn("Microsoft.Storage/storageAccounts", "hlwarehousescans") + "/providers/Microsoft.Authorization/roleAssignments/" + l.uuid(),
					body: roleAssignment(roleReader, people[l.IntN(6)].oid, "User", subscriptionScope+"/resourceGroups/rg-warehouse/providers/Microsoft.Storage/storageAccounts/hlwarehousescans")},
				{name: "Microsoft.Web/sites/restart/action", resource: resourceIn("Microsoft.Web/sites", "warehouse-portal")},
				{name: "Microsoft.Compute/virtualMachines/write", resource: vm, failed: "Conflict", location: "westeurope"},
				{name: "Microsoft.Storage/storageAccounts/write", resource: resourceIn("Microsoft.Storage/storageAccounts", "hlwarehousescans"), failed: "Forbidden", location: "westeurope"},
			}
			l.log(at, who, pick(l.dice, operations))
		}
	}
	// An engineer looks a key up, from the office, as the manual of the old scanners says.
	l.log(clock("08:44:19"), azureUser(people[1], portalApp), operation{name: "Microsoft.Storage/storageAccounts/listKeys/action", resource: resourceIn("Microsoft.Storage/storageAccounts", "hlwarehousescans"), location: "westeurope"})
}

// The role definitions that are assigned.
const (
	roleReader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	roleOwner  = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
)

// roleAssignment is the body of a request that assigns a role.
func roleAssignment(role, principalID, principalType, scope string) object {
	return obj("Id", newDice(role+principalID).uuid(), "Properties", obj("PrincipalId", principalID, "PrincipalType", principalType,
		"RoleDefinitionId", "/providers/Microsoft.Authorization/roleDefinitions/"+role, "Scope", scope, "Condition", nil, "ConditionVersion", nil))
}

// programs are the pipeline's service principal and the backup's managed identity.
func (l *activityLog) programs() {
	for _, at := range l.every(18*time.Minute, dayStart, dayEnd) {
		deployment := fmt.Sprintf("/resourceGroups/rg-warehouse/providers/Microsoft.Resources/deployments/warehouse-%d", 2200+l.IntN(90))
		l.log(at, azurePipeline, operation{name: "Microsoft.Resources/deployments/validate/action", resource: deployment, location: "westeurope"})
		l.log(at.Add(4*time.Second), azurePipeline, operation{name: "Microsoft.Resources/deployments/write", resource: deployment, accepted: true, location: "westeurope"})
		switch l.IntN(3) {
		case 0:
			l.log(at.Add(9*time.Second), azurePipeline, operation{name: "Microsoft.Web/sites/write", resource: resourceIn("Microsoft.Web/sites", "warehouse-portal"), location: "westeurope"})
		case 1:
			l.log(at.Add(9*time.Second), azurePipeline, operation{name: "Microsoft.Storage/storageAccounts/listKeys/action", resource: resourceIn("Microsoft.Storage/storageAccounts", "hlwarehousedeploy"), location: "westeurope"})
		default:
			l.log(at.Add(9*time.Second), azurePipeline, operation{name: "Microsoft.Authorization/roleAssignments/write", resource: "/resourceGroups/rg-warehouse/providers/Microsoft.Authorization/roleAssignments/" + l.uuid(), failed: "Conflict",
				body: roleAssignment(roleReader, azureBackup.oid, "ServicePrincipal", subscriptionScope+"/resourceGroups/rg-warehouse")})
		}
	}
	for _, at := range l.every(40*time.Minute, dayStart, dayEnd) {
		l.log(at, azureBackup, operation{name: "Microsoft.Compute/snapshots/write", resource: resourceIn("Microsoft.Compute/snapshots", "snap-"+at.Format("1504")), accepted: true, location: "westeurope"})
		l.log(at.Add(15*time.Second), azureBackup, operation{name: "Microsoft.Compute/snapshots/beginGetAccess/action", resource: resourceIn("Microsoft.Compute/snapshots", "snap-"+at.Format("1504")), accepted: true, location: "westeurope"})
	}
}

// platform is what Azure writes by itself: policy effects, health of resources
// and of the service, advice, autoscale and a security alert that was resolved.
func (l *activityLog) platform() {
	for _, at := range l.every(13*time.Minute, dayStart, dayEnd) {
		resource := resourceIn("Microsoft.Storage/storageAccounts", pick(l.dice, []string{"hlwarehousescans", "hlwarehousedeploy"}))
		effect := pick(l.dice, []string{"audit", "auditIfNotExists"})
		l.add(at, l.own(at, "Policy", "Microsoft.Authorization/policies/"+effect+"/action", resource, "Success", "Warning").with(
			"identity", obj("authorization", obj("scope", subscriptionScope+resource, "action", "Microsoft.Authorization/policies/"+effect+"/action", "evidence", l.evidence(azurePolicy)), "claims", l.claims(at, azurePolicy)),
			"properties", obj("eventCategory", "Policy", "isComplianceCheck", "False", "resourceLocation", "westeurope", "ancestors", tenantID, "hierarchy", tenantID+"/harbourline/"+subscription,
				"policies", string(encode(list{obj("policyDefinitionId", "/providers/Microsoft.Authorization/policyDefinitions/404c3081-a854-4457-ae30-26a93ef643f9", "policyDefinitionName", "404c3081-a854-4457-ae30-26a93ef643f9",
					"policyDefinitionEffect", effect, "policyAssignmentId", subscriptionScope+"/providers/Microsoft.Authorization/policyAssignments/SecurityBaseline", "policyAssignmentScope", subscriptionScope)})))))
	}
	health := func(at time.Time, result, status, cause string) {
		vm := resourceIn("Microsoft.Compute/virtualMachines", "vm-scan-04")
		l.add(at, l.own(at, "ResourceHealth", "Microsoft.Resourcehealth/healthevent/"+result+"/action", vm, result, "Critical").with(
			"properties", obj("eventCategory", "ResourceHealth", "eventProperties", obj("title", "Virtual machine health status changed to "+strings.ToLower(status), "details", nil,
				"currentHealthStatus", status, "previousHealthStatus", "Available", "type", "Downtime", "cause", cause))))
	}
	health(clock("07:41:12"), "Activated", "Unavailable", "PlatformInitiated")
	health(clock("07:46:50"), "Resolved", "Available", "PlatformInitiated")
	at := clock("10:14:00")
	l.add(at, l.own(at, "ServiceHealth", "Microsoft.ServiceHealth/incident/action", "", "Active", "Warning").with(
		"properties", obj("eventCategory", "ServiceHealth", "title", "Storage - West Europe - Investigating", "service", "Storage", "region", "West Europe", "incidentType", "Incident", "trackingId", "8VLC-3T0",
			"impactStartTime", "2026-11-18T09:52:00.0000000Z", "impactedServices", string(encode(list{obj("ImpactedRegions", list{obj("RegionName", "West Europe")}, "ServiceName", "Storage")})), "stage", "Active", "communicationId", "11000052713380", "version", "0.1.1")))
	for _, at := range l.every(95*time.Minute, dayStart, dayEnd) {
		l.add(at, l.own(at, "Recommendation", "Microsoft.Advisor/recommendations/available/action", resourceIn("Microsoft.Compute/virtualMachines", "vm-scan-02"), "Active", "Information").with(
			"properties", obj("eventCategory", "Recommendation", "recommendationSchemaVersion", "1.0", "recommendationCategory", "Cost", "recommendationImpact", "Medium", "recommendationName", "Right-size or shut down underutilized virtual machines")))
	}
	for _, at := range l.every(70*time.Minute, dayStart, dayEnd) {
		l.add(at, l.own(at, "Autoscale", "Microsoft.Insights/AutoscaleSettings/Scaleup/Action", resourceIn("microsoft.insights/autoscalesettings", "warehouse-portal"), "Succeeded", "Information").with(
			"properties", obj("eventCategory", "Autoscale", "Description", "The autoscale engine attempting to scale resource from 2 instances count to 3 instances count.", "OldInstancesCount", 2, "NewInstancesCount", 3, "LastScaleActionTime", at.Format(time.RFC1123))))
	}
	at = clock("08:27:33")
	l.add(at, l.own(at, "Security", "Microsoft.Security/locations/alerts/activate/action", "/providers/Microsoft.Security/locations/westeurope/alerts/2518001_7f3d", "Active", "Informational").with(
		"properties", obj("eventCategory", "Security", "compromisedEntity", "vm-scan-05", "attackedResourceType", "Virtual Machine", "severity", "Low", "intent", "Unknown", "remediationSteps", string(encode(list{"Review the process with the owner of the machine."})),
			"eventName", "Antimalware real-time protection was disabled", "accountSessionId", "0x2a3f19")))
}

// own is a record that the platform writes without a caller.
func (l *activityLog) own(at time.Time, category, operation, resource, result, level string) object {
	return obj("RoleLocation", "West Europe", "time", ticks(l.dice, at), "resourceId", strings.ToUpper(subscriptionScope+resource), "operationName", operation, "category", category,
		"resultType", result, "resultSignature", result+".", "durationMs", "0", "correlationId", l.uuid(), "level", level, "location", "westeurope", "tenantId", tenantID)
}
