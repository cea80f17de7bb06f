package ocsf_test

import (
	"fmt"

	"github.com/weir-security/weir/schemas/ocsf"
)

// stopLogging is a CloudTrail API call as its mapper builds it.
func stopLogging(ev *ocsf.Event) {
	ev.Reset()
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(ocsf.APIActivityActivityIDUpdate)
	ev.SetSeverityID(ocsf.SeverityIDInformational)
	ev.SetStatusID(ocsf.StatusIDSuccess)
	ev.SetTime(1_788_255_296_000)
	ev.Metadata.SetUID("0c1c42a9-1c1f-4dc1-9c87-2a4a6f5c8e11")
	ev.Metadata.SetVersion(ocsf.Version)
	ev.Metadata.SetEventCode("StopLogging")
	ev.Metadata.SetLogProvider("cloudtrail.amazonaws.com")
	ev.Metadata.SetOriginalTime("2026-09-01T11:34:56Z")
	ev.Metadata.SetLoggedTime(1_788_255_300_000)
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "cloud")
	ev.Metadata.Product.SetName("CloudTrail")
	ev.Metadata.Product.SetVendorName("AWS")
	ev.Cloud.SetProvider("AWS")
	ev.Cloud.SetRegion("eu-central-1")
	ev.Cloud.Account.SetUID("111122223333")
	ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	ev.API.SetOperation("StopLogging")
	ev.API.Service.SetName("cloudtrail.amazonaws.com")
	ev.API.Request.SetUID("6f2c8a90-77d5-4a5d-9c0e-3a0c62e1f9b4")
	ev.API.Request.SetData(`{"name":"arn:aws:cloudtrail:eu-central-1:111122223333:trail/audit"}`)
	ev.Actor.User.SetName("alice")
	ev.Actor.User.SetUID("AIDAEXAMPLEALICE0001")
	ev.Actor.User.SetTypeID(ocsf.UserTypeIDUser)
	ev.Actor.User.SetCredentialUID("AKIAEXAMPLEALICE0001")
	ev.Actor.Session.SetIsMFA(true)
	ev.SrcEndpoint.SetIP("198.51.100.23")
	ev.HTTPRequest.SetUserAgent("aws-cli/2.27.0 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0 md/command#cloudtrail.stop-logging")
	r := ev.AddResources()
	r.SetUID("arn:aws:cloudtrail:eu-central-1:111122223333:trail/audit")
	r.SetType("AWS::CloudTrail::Trail")
	for _, o := range []struct {
		id          int32
		name, value string
	}{
		{ocsf.ObservableTypeIDIPAddress, "src_endpoint.ip", "198.51.100.23"},
		{ocsf.ObservableTypeIDUserName, "actor.user.name", "alice"},
	} {
		x := ev.AddObservables()
		x.SetTypeID(o.id)
		x.SetName(o.name)
		x.SetValue(o.value)
	}
	ev.SetRawData(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLEALICE0001","arn":"arn:aws:iam::111122223333:user/alice","accountId":"111122223333","accessKeyId":"AKIAEXAMPLEALICE0001","userName":"alice","sessionContext":{"attributes":{"creationDate":"2026-09-01T09:00:00Z","mfaAuthenticated":"true"}}},"eventTime":"2026-09-01T11:34:56Z","eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.23","userAgent":"aws-cli/2.27.0 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0 md/command#cloudtrail.stop-logging","requestParameters":{"name":"arn:aws:cloudtrail:eu-central-1:111122223333:trail/audit"},"responseElements":null,"requestID":"6f2c8a90-77d5-4a5d-9c0e-3a0c62e1f9b4","eventID":"0c1c42a9-1c1f-4dc1-9c87-2a4a6f5c8e11","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"cloudtrail.eu-central-1.amazonaws.com"}}`)
	ev.SetUnmapped(`{"eventVersion":"1.11","managementEvent":true}`)
}

func ExampleEvent() {
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(ocsf.APIActivityActivityIDRead)
	ev.Actor.User.SetName("alice")
	ev.AddResources().SetUID("arn:aws:s3:::example-logs")
	fmt.Println(ev.TypeName(), ev.Actor.Present(), ev.SrcEndpoint.Present())
	fmt.Printf("%s\n", ev.AppendJSON(nil))
	// Output:
	// API Activity: Read true false
	// {"activity_id":2,"activity_name":"Read","actor":{"user":{"name":"alice"}},"category_name":"Application Activity","category_uid":6,"class_name":"API Activity","class_uid":6003,"resources":[{"uid":"arn:aws:s3:::example-logs"}],"type_name":"API Activity: Read","type_uid":600302}
}
