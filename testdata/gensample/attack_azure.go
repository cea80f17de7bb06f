package main

import "time"

// attack is the subscription's part of the attack: the stolen browser session of
// dana.lindqvist also holds a token for Azure.
func (l *activityLog) attack() {
	who := azureUser(victim, portalApp)
	who.ip, who.role = proxyIP, "User Access Administrator"
	const intruder = "4be1a8d7-93c2-4f6e-8a0b-d5c7e9f1a3b5" // a service principal made before, in another tenant's application

	at := clock("10:02:11")
	l.log(at, who, operation{name: "Microsoft.Authorization/roleAssignments/write", resource: "/providers/Microsoft.Authorization/roleAssignments/" + l.uuid(),
		body: roleAssignment(roleOwner, intruder, "ServicePrincipal", subscriptionScope)})
	l.expected.hit("azure.activity.owner_role_assigned", subscription, at, time.Hour)

	at = clock("10:05:40")
	l.log(at, who, operation{name: "Microsoft.Insights/diagnosticSettings/delete", resource: resourceIn("Microsoft.KeyVault/vaults", "kv-warehouse") + "/providers/Microsoft.Insights/diagnosticSettings/to-archive"})
	l.expected.hit("azure.activity.diagnostic_setting_deleted", "kv-warehouse", at, time.Hour)

	for i, account := range []string{"hlwarehousescans", "hlwarehousedeploy", "hlbackupweu"} {
		at = clock("10:08:02").Add(time.Duration(7*i) * time.Second)
		l.log(at, who, operation{name: "Microsoft.Storage/storageAccounts/listKeys/action", resource: resourceIn("Microsoft.Storage/storageAccounts", account), location: "westeurope"})
		l.expected.hit("azure.activity.storage_keys_listed", who.email, at, time.Hour)
	}

	at = clock("10:11:30")
	l.log(at, who, operation{name: "Microsoft.Authorization/policyExemptions/write", resource: "/resourceGroups/rg-warehouse/providers/Microsoft.Authorization/policyExemptions/maintenance",
		body: obj("properties", obj("policyAssignmentId", subscriptionScope+"/providers/Microsoft.Authorization/policyAssignments/SecurityBaseline", "exemptionCategory", "Waiver", "displayName", "maintenance"))})
	l.expected.hit("azure.activity.policy_exemption_created", "maintenance", at, time.Hour)

	// The response: the assignment is deleted.
	george := azureUser(people[5], portalApp)
	george.role = "Owner"
	l.log(clock("11:08:29"), george, operation{name: "Microsoft.Authorization/roleAssignments/delete", resource: "/providers/Microsoft.Authorization/roleAssignments/" + l.uuid()})
	l.log(clock("11:10:02"), george, operation{name: "Microsoft.Insights/diagnosticSettings/write", resource: resourceIn("Microsoft.KeyVault/vaults", "kv-warehouse") + "/providers/Microsoft.Insights/diagnosticSettings/to-archive"})
}
