package rawlog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// operation is one of AWS's, by what detections look at in it.
type operation struct{ service, name, parameter string }

// operations are 158 operations of 30 services that detections of CloudTrail are
// written about: each becomes a rule of one of the shapes below, and then rules
// with another threshold, user, network or parameter.
var operations = parseOperations(`
cloudtrail name: StopLogging DeleteTrail UpdateTrail PutEventSelectors PutInsightSelectors DeleteEventDataStore
guardduty detectorId: DeleteDetector UpdateDetector CreateIPSet UpdateIPSet CreateFilter DisassociateFromMasterAccount StopMonitoringMembers DeleteMembers
securityhub standardsArn: DisableSecurityHub BatchDisableStandards UpdateStandardsControl DeleteInsight
config configurationRecorderName: StopConfigurationRecorder DeleteConfigurationRecorder DeleteDeliveryChannel DeleteConfigRule
iam userName: CreateUser CreateAccessKey CreateLoginProfile UpdateLoginProfile AttachUserPolicy PutUserPolicy AddUserToGroup DeactivateMFADevice DeleteVirtualMFADevice UpdateAccessKey
iam roleName: CreateRole AttachRolePolicy PutRolePolicy UpdateAssumeRolePolicy DeleteRolePermissionsBoundary PassRole
iam policyArn: CreatePolicyVersion SetDefaultPolicyVersion CreatePolicy CreateSAMLProvider UpdateSAMLProvider CreateOpenIDConnectProvider UpdateAccountPasswordPolicy DeleteAccountPasswordPolicy
sts roleArn: AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity GetFederationToken GetSessionToken GetCallerIdentity
signin userName: ConsoleLogin SwitchRole PasswordRecoveryRequested CheckMfa
s3 bucketName: PutBucketPolicy PutBucketAcl DeleteBucketPolicy PutBucketPublicAccessBlock DeleteBucketPublicAccessBlock PutBucketReplication PutBucketVersioning DeleteBucketEncryption PutBucketLogging DeleteBucket GetObject PutBucketLifecycle
ec2 groupId: AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup RevokeSecurityGroupIngress
ec2 instanceId: RunInstances ModifyInstanceAttribute GetPasswordData StopInstances TerminateInstances ModifyInstanceMetadataOptions GetConsoleScreenshot
ec2 snapshotId: ModifySnapshotAttribute CreateSnapshot SharedSnapshotVolumeCreated DeleteSnapshot ModifyImageAttribute CreateImage DisableEbsEncryptionByDefault
ec2 vpcId: DeleteFlowLogs CreateNetworkAclEntry DeleteNetworkAcl CreateVpcPeeringConnection CreateTrafficMirrorTarget CreateInternetGateway CreateRoute ImportKeyPair CreateKeyPair
kms keyId: DisableKey ScheduleKeyDeletion PutKeyPolicy CreateGrant ImportKeyMaterial
secretsmanager secretId: GetSecretValue BatchGetSecretValue DeleteSecret PutResourcePolicy UpdateSecret
ssm documentName: SendCommand StartSession CreateDocument GetParameters ModifyDocumentPermission
lambda functionName: CreateFunction20150331 UpdateFunctionCode20150331v2 AddPermission20150331v2 CreateFunctionUrlConfig UpdateFunctionConfiguration20150331v2 CreateEventSourceMapping20150331
rds dBInstanceIdentifier: ModifyDBInstance CreateDBSnapshot ModifyDBSnapshotAttribute RestoreDBInstanceFromDBSnapshot DeleteDBCluster CreateDBSecurityGroup StartExportTask
eks name: CreateCluster DeleteCluster UpdateClusterConfig CreateAccessEntry AssociateAccessPolicy
ecr repositoryName: SetRepositoryPolicy PutImage DeleteRepository PutImageScanningConfiguration
ecs cluster: RegisterTaskDefinition RunTask UpdateService ExecuteCommand
organizations accountId: LeaveOrganization CreateAccount InviteAccountToOrganization DetachPolicy DisablePolicyType
route53 hostedZoneId: ChangeResourceRecordSets CreateHostedZone DisassociateVPCFromHostedZone
route53domains domainName: TransferDomainToAnotherAwsAccount DisableDomainTransferLock
ses identity: VerifyEmailIdentity UpdateAccountSendingEnabled DeleteIdentity
sso-directory userId: CreateUser DeleteUser AddMemberToGroup
sso permissionSetArn: CreatePermissionSet AttachManagedPolicyToPermissionSet CreateAccountAssignment
waf webACLId: DeleteWebACL DeleteRule UpdateIPSet
wafv2 name: DeleteWebACL DisassociateWebACL DeleteLoggingConfiguration
cloudformation stackName: CreateStack DeleteStack SetStackPolicy
glue endpointName: CreateDevEndpoint UpdateDevEndpoint
bedrock modelId: InvokeModel PutModelInvocationLoggingConfiguration DeleteModelInvocationLoggingConfiguration
logs logGroupName: DeleteLogGroup DeleteLogStream PutSubscriptionFilter
events name: DeleteRule DisableRule RemoveTargets
`)

func parseOperations(table string) []operation {
	var all []operation
	for line := range strings.Lines(table) {
		head, names, ok := strings.Cut(line, ":")
		service, parameter, _ := strings.Cut(head, " ")
		if !ok {
			continue
		}
		for name := range strings.FieldsSeq(names) {
			all = append(all, operation{service + ".amazonaws.com", name, parameter})
		}
	}
	return all
}

// shapes are conditions as rules in the field have them, over an operation and its
// neighbour in the table. %[1]s is the service, %[2]s and %[3]s operations, %[4]s a
// request parameter, %[5]d the number of the variation.
var shapes = []string{
	`api.service.name == "%[1]s" && api.operation == "%[2]s" && status_id == Status.SUCCESS && !(actor.user.name in lists.admins)`,
	`api.service.name == "%[1]s" && api.operation in ["%[2]s", "%[3]s"] && !(actor.user.name in lists.admins)`,
	`api.operation == "%[2]s" && !has(raw.errorCode) && string(raw.requestParameters.%[4]s).startsWith("prod-%[5]d")`,
	`api.operation == "%[2]s" && actor.user.type_id == UserType.ADMIN`,
	`api.service.name == "%[1]s" && api.operation == "%[2]s" && raw.errorCode == "AccessDenied"`,
	`api.operation in ["%[2]s", "%[3]s"] && src_endpoint.ip != "" && !cidr("10.%[5]d.0.0/16").containsIP(src_endpoint.ip) && !(src_endpoint.ip in lists.offices)`,
	`api.operation == "%[2]s" && api.service.name == "%[1]s" && http_request.user_agent.containsFold("kali-%[5]d")`,
	`api.service.name == "%[1]s" && api.operation.matches("^(%[2]s|%[3]s)$") && has(actor.user.uid) && actor.user.uid.endsWith(":%[5]d")`,
	`api.operation == "%[2]s" && resources.exists(r, r.uid.glob("arn:aws:*:*:*:%[4]s/prod-%[5]d-*"))`,
	`api.operation == "%[2]s" && raw.userIdentity.sessionContext.attributes.mfaAuthenticated == "false" && raw.userIdentity.type == "IAMUser" && !actor.user.uid.startsWith("svc-%[5]d")`,
	`api.service.name == "%[1]s" && (api.operation == "%[2]s" || api.operation == "%[3]s") && has(cloud.region) && !(cloud.region in ["eu-west-1", "us-east-%[5]d"])`,
	`api.operation == "%[2]s" && string(raw.requestParameters.policyDocument).contains("\"Principal\":\"*\"") && cloud.account.uid == "11112222%[5]d"`,
	`api.service.name == "%[1]s" && api.operation == "%[2]s" && actor.user.name.globFold("*-break-glass-%[5]d")`,
	`api.operation == "%[2]s" && (time.getHours("Europe/Berlin") < 6 || time.getDayOfWeek("Europe/Berlin") in [0, 6]) && status_id == Status.SUCCESS && src_endpoint.ip == "198.51.100.%[5]d"`,
	`api.operation == "%[2]s" && raw.requestParameters.%[4]s == "prod-%[5]d" && http_request.user_agent.matches("(?i)^(boto3|aws-cli)/")`,
	`api.service.name == "%[1]s" && api.operation.startsWith("%[2]s") && has(actor.session.is_mfa) && actor.session.is_mfa == false && !(actor.user.name in lists.admins)`,
}

// free are conditions that no operation is required for: one rule in 25.
var free = []string{
	`actor.user.name == "root" && src_endpoint.ip == "203.0.113.%[5]d"`,
	`src_endpoint.ip in lists.watched && cloud.account.uid == "3333%[5]d"`,
	`http_request.user_agent.contains("sqlmap/%[5]d")`,
	`actor.user.uid.endsWith(":i-%[5]d") && status_id == Status.FAILURE`,
}

// benchRules is n rules: the first 150 of operations that differ, then variations.
func benchRules(tb testing.TB, n int, classes map[string]string) []benchRule {
	tb.Helper()
	var all []benchRule
	for i := range n {
		op := operations[i%len(operations)]
		next := operations[(i+1)%len(operations)]
		shape := shapes[(i+i/len(operations))%len(shapes)]
		class := classes[op.service+" "+op.name]
		if strings.Contains(shape, "resources") && class != "api_activity" {
			shape = shapes[0]
		}
		if i%25 == 24 {
			shape, class = free[i/25%len(free)], "api_activity"
		}
		when := fmt.Sprintf(shape, op.service, op.name, next.name, op.parameter, i/len(operations)+i%7)
		all = append(all, benchRule{class: class, when: when})
	}
	return all
}

type benchRule struct{ class, when string }

func (op operation) record(i int) []byte {
	source := strings.ReplaceAll(benchRecord, `"ec2.amazonaws.com"`, fmt.Sprintf("%q", op.service))
	source = strings.ReplaceAll(source, `"DescribeInstances"`, fmt.Sprintf("%q", op.name))
	source = strings.ReplaceAll(source, `"instancesSet":{}`, fmt.Sprintf(`"%s":"prod-%d","instancesSet":{}`, op.parameter, i%50))
	return fmt.Appendf(nil, source, i)
}

// benchEvents are events as a busy account has them: mostly reads that no rule is
// about, and each tenth one that rules are about.
func benchEvents(tb testing.TB, n int) []*ocsf.Event {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	reads := []operation{{"ec2.amazonaws.com", "DescribeInstances", "x"}, {"s3.amazonaws.com", "ListObjects", "bucketName"}, {"kms.amazonaws.com", "Decrypt", "keyId"},
		{"sts.amazonaws.com", "AssumeRole", "roleArn"}, {"logs.amazonaws.com", "DescribeLogStreams", "logGroupName"}, {"dynamodb.amazonaws.com", "DescribeTable", "tableName"}}
	mappers := rawlog.NewMappers(sources.Builtin(), nil)
	var all []*ocsf.Event
	for i := range n {
		op := reads[r.IntN(len(reads))]
		if i%10 == 0 {
			op = operations[r.IntN(len(operations))]
		}
		ev := new(ocsf.Event)
		if err := mappers.Map(&event.Record{Source: "aws.cloudtrail", Value: op.record(i), Origin: event.Origin{Object: "bench", Position: int64(i)}}, ev); err != nil {
			tb.Fatal(err)
		}
		all = append(all, ev)
	}
	return all
}

// classesOf is which class the mapper gives each operation.
func classesOf(tb testing.TB) map[string]string {
	tb.Helper()
	mappers, classes := rawlog.NewMappers(sources.Builtin(), nil), map[string]string{}
	for i, op := range operations {
		var ev ocsf.Event
		if err := mappers.Map(&event.Record{Source: "aws.cloudtrail", Value: op.record(i)}, &ev); err != nil {
			tb.Fatal(err)
		}
		classes[op.service+" "+op.name] = ev.Class().Name()
	}
	return classes
}

func loadBenchRules(tb testing.TB, rules []benchRule) *detections.RuleSet {
	tb.Helper()
	files := fstest.MapFS{detections.RootFile: {Data: []byte("format: 1\n")},
		"lists/admins.yaml":  {Data: []byte("type: strings\nvalues: [root, alice, ci-deploy/deploy]\n")},
		"lists/offices.yaml": {Data: []byte("type: cidrs\nvalues: [203.0.113.0/24, 10.0.0.0/8]\n")},
		"lists/watched.yaml": {Data: []byte("type: cidrs\nvalues: [198.51.100.0/24, 2001:db8:bad::/48]\n")}}
	for i, r := range rules {
		name := fmt.Sprintf("r%04d", i)
		files[name+".yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, "id: %s\ntitle: %s\nstatus: stable\nseverity: low\nclass: %s\nwhen: |\n  %s\n"+
			"alert: {title: \"%s {actor.user.name}\", group_by: [cloud.account.uid]}\ntests: [{name: a, source: s, raw: \"{}\", alerts: [{}]}, {name: b, source: s, raw: \"{}\", alerts: []}]\n", name, name, r.class, r.when, name)}
	}
	rs, err := detections.LoadFS(files, detections.LoadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return rs
}

// BenchmarkRules evaluates rules on CloudTrail events that the mapper has made: 1
// of 10 is one that rules are about. cpu-us/event is the figure: processor time. The
// events are few, so that they stay in the processor's caches: in the pipeline the
// mapper has just written the event that rules read.
func BenchmarkRules(b *testing.B) {
	classes, events := classesOf(b), benchEvents(b, 100)
	for _, n := range []int{500, 1000, 3000} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			rules := loadBenchRules(b, benchRules(b, n, classes))
			engine, signals := rules.NewEngine(), 0
			b.ReportAllocs()
			runtime.GC() // what came before is not this benchmark's
			start := processorTime(b)
			for i := 0; b.Loop(); i++ {
				engine.Evaluate(events[i%len(events)], func(*detections.Signal) { signals++ })
			}
			reportProcessorTime(b, start, 1)
			b.ReportMetric(float64(signals)/float64(b.N), "signals/event")
			b.ReportMetric(float64(rules.Plan().Cost), "max-cost")
		})
	}
	b.Run("cel-go over maps, 1000", func(b *testing.B) { benchMaps(b, benchRules(b, 1000, classes), events) })
}

// benchMaps is the peer: cel-go programs over the events as maps, one after the
// other, as most CEL engines do it.
func benchMaps(b *testing.B, rules []benchRule, events []*ocsf.Event) {
	programs := mapPrograms(b, rules)
	var maps []map[string]any
	for _, ev := range events {
		var m map[string]any
		if err := json.Unmarshal(ev.AppendJSON(nil), &m); err != nil {
			b.Fatal(err)
		}
		var raw any
		if err := json.Unmarshal([]byte(ev.RawData()), &raw); err != nil {
			b.Fatal(err)
		}
		maps = append(maps, map[string]any{"event": m, "raw": raw})
	}
	matches := 0
	b.ReportAllocs()
	runtime.GC() // what came before is not this benchmark's
	start := processorTime(b)
	for i := 0; b.Loop(); i++ {
		for _, p := range programs {
			v, _, err := p.ContextEval(context.Background(), maps[i%len(maps)])
			if err == nil && v.Value() == true {
				matches++
			}
		}
	}
	reportProcessorTime(b, start, 1)
}

// processorTime is that of the process, garbage collection included: what other
// processes do meanwhile is not in it.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportProcessorTime reports it for each of so many events an iteration.
func reportProcessorTime(b *testing.B, start time.Duration, events int) {
	b.Helper()
	used := processorTime(b) - start
	b.ReportMetric(float64(used.Nanoseconds())/1000/float64(b.N*events), "cpu-us/event")
}

// mapPrograms are the rules' conditions in plain CEL: attributes of event, and
// functions of weir as cel-go's next of kin.
func mapPrograms(b *testing.B, rules []benchRule) []cel.Program {
	b.Helper()
	env, err := cel.NewEnv(cel.Variable("event", cel.DynType), cel.Variable("raw", cel.DynType), ext.Strings(), ext.Network())
	if err != nil {
		b.Fatal(err)
	}
	var programs []cel.Program
	for _, r := range rules {
		text := r.when
		for _, top := range []string{"api.", "actor.", "src_endpoint.", "http_request.", "cloud."} {
			text = strings.ReplaceAll(text, " "+top, " event."+top)
			text = strings.ReplaceAll(text, "("+top, "(event."+top)
			text = strings.ReplaceAll(text, "!"+top, "!event."+top)
			if strings.HasPrefix(text, top) {
				text = "event." + text
			}
		}
		text = strings.NewReplacer("status_id", "event.status_id", "resources.exists", "event.resources.exists", "time.get", "timestamp(event.time / 1000).get",
			"Status.SUCCESS", "1", "Status.FAILURE", "2", "UserType.ADMIN", "2", "containsFold", "contains", "globFold", "contains", ".glob(", ".contains(",
			"lists.admins", `["root", "alice", "ci-deploy/deploy"]`, "src_endpoint.ip in lists.offices", `(cidr("203.0.113.0/24").containsIP(event.src_endpoint.ip) || cidr("10.0.0.0/8").containsIP(event.src_endpoint.ip))`, "src_endpoint.ip in lists.watched", `cidr("198.51.100.0/24").containsIP(event.src_endpoint.ip)`, "event.event.", "event.").Replace(strings.ReplaceAll(text, "event.src_endpoint.ip in", "src_endpoint.ip in"))
		text = strings.ReplaceAll(text, "timestamp(event.time / 1000)", "timestamp(int(event.time) / 1000)")
		ast, issues := env.Compile(strings.ReplaceAll(text, "event.cidr(", "cidr("))
		if issues.Err() != nil {
			b.Fatalf("%s: %v", text, issues.Err())
		}
		p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			b.Fatal(err)
		}
		programs = append(programs, p)
	}
	return programs
}

// TestBenchRules: the rules are what the benchmark says.
func TestBenchRules(t *testing.T) {
	if len(operations) < 150 {
		t.Errorf("%d operations", len(operations))
	}
	rules := benchRules(t, 1000, classesOf(t))
	var distinct []string
	for _, r := range rules {
		distinct = append(distinct, r.when)
	}
	slices.Sort(distinct)
	if n := len(slices.Compact(distinct)); n < 990 {
		t.Errorf("only %d of 1000 rules differ", n)
	}
	engine := loadBenchRules(t, rules).NewEngine()
	signals := 0
	for _, ev := range benchEvents(t, 1000) {
		engine.Evaluate(ev, func(*detections.Signal) { signals++ })
	}
	if signals == 0 || signals > 1000 {
		t.Errorf("%d signals of 1000 events", signals)
	}
	for _, h := range engine.Health() {
		if h.Errors > 0 {
			t.Errorf("%s: %s", h.RuleID, h.LastError)
		}
	}
}

// TestNothingIsAllocatedWithoutAMatch: whatever candidates the index leads to, and
// be raw read, an event that no rule matches allocates nothing.
func TestNothingIsAllocatedWithoutAMatch(t *testing.T) {
	engine := loadBenchRules(t, benchRules(t, 500, classesOf(t))).NewEngine()
	silent := 0
	for _, ev := range benchEvents(t, 300) {
		matched := false
		engine.Evaluate(ev, func(*detections.Signal) { matched = true })
		if matched {
			continue
		}
		silent++
		if n := testing.AllocsPerRun(3, func() { engine.Evaluate(ev, func(*detections.Signal) {}) }); n != 0 {
			t.Errorf("%s: %v allocations", ev.API.Operation(), n)
		}
	}
	if silent < 200 {
		t.Errorf("only %d events match no rule", silent)
	}
}
