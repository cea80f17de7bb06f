package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const pulledAndPushed = `
kafka: {embedded: {}}
collectors:
  - name: activity
    type: eventhub
    source: azure.activity
    namespace: weir-logs.servicebus.windows.net
    hub: insights-activity-logs
    connection_string: Endpoint=sb://weir-logs.servicebus.windows.net/;SharedAccessKeyName=weir-listen;SharedAccessKey=aHVudGVyMg==;EntityPath=insights-activity-logs
  - {name: identity, type: eventhub, source: azure.activity, namespace: "localhost:19093", hub: logs, client_id: 1f0a7f3c-6ad6-4d0e-9a58-1d6a4e7a9b11, ca_file: secret.go}
  - {name: default, type: eventhub, source: azure.activity, namespace: weir.servicebus.usgovcloudapi.net, hub: logs}
  - name: edge
    type: http
    source: gateway.nginx
    listen: 127.0.0.1:9444
    token_sha256: {edge-1: [9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08]}
    basic: true
    content: lines
    envelope: events
    same_body: new
    timeout: 5s
  - {name: plain, type: http, source: gateway.nginx, listen: "127.0.0.1:9445"}
`

func TestEventHubAndHTTP(t *testing.T) {
	c := parse(t, "weir.yaml", pulledAndPushed)
	connection := Secret("Endpoint=sb://weir-logs.servicebus.windows.net/;SharedAccessKeyName=weir-listen;SharedAccessKey=aHVudGVyMg==;EntityPath=insights-activity-logs")
	edge := newHTTPCollector()
	edge.Listen, edge.Tokens = "127.0.0.1:9444", map[string][]string{"edge-1": {"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}
	edge.Basic, edge.Content, edge.Envelope, edge.SameBody, edge.Timeout = true, ContentLines, "events", SameBodyNew, 5*time.Second
	plain := newHTTPCollector()
	plain.Listen = "127.0.0.1:9445"
	want := []Collector{
		{Name: "activity", Type: CollectorEventHub, Source: "azure.activity", EventHub: &EventHubCollector{
			Namespace: "weir-logs.servicebus.windows.net", Hub: "insights-activity-logs", ConnectionString: connection,
		}},
		{Name: "identity", Type: CollectorEventHub, Source: "azure.activity", EventHub: &EventHubCollector{
			Namespace: "localhost:19093", Hub: "logs", ClientID: "1f0a7f3c-6ad6-4d0e-9a58-1d6a4e7a9b11", CAFile: "secret.go",
		}},
		{Name: "default", Type: CollectorEventHub, Source: "azure.activity", EventHub: &EventHubCollector{
			Namespace: "weir.servicebus.usgovcloudapi.net", Hub: "logs",
		}},
		{Name: "edge", Type: CollectorHTTP, Source: "gateway.nginx", HTTP: edge},
		{Name: "plain", Type: CollectorHTTP, Source: "gateway.nginx", HTTP: plain},
	}
	if diff := cmp.Diff(want, c.Collectors); diff != "" {
		t.Errorf("collectors (-want +got):\n%s", diff)
	}

	// What is shown loads again, with the connection string masked.
	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, "shown.yaml", string(shown))
	c.Collectors[0].EventHub.ConnectionString = mask
	if diff := cmp.Diff(c, again, ignorePlaces, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("loaded again (-want +got):\n%s\nfrom\n%s", diff, shown)
	}
}
