// Package gateway maps the access logs of gateways, load balancers, web servers and
// the web application firewalls in front of them. A request is http_activity, a
// connection that the gateway does not look into network_activity.
//
// A Vendor is a table: which variables a log has, and which attribute holds each. The
// vendor's own formats, and those of a configuration, are written in its own syntax and
// compiled to matchers (package format); objects of JSON have a table of their keys.
// A variable that no attribute holds goes to unmapped under its own name.
//
// Decisions that hold for all of them:
//
//   - metadata.uid is an id that the gateway alone makes, one for each record
//     ($request_id, x-edge-request-id, extendedRequestId), else normalize.OriginUID. An
//     id that a client can choose (X-Request-ID, X-Amzn-Trace-Id) is http_request.uid
//     only: with it, thousands of requests would count as one.
//   - src_endpoint is the peer of the connection, or what the gateway says in its
//     place. X-Forwarded-For is the client's claim and is http_request.x_forwarded_for.
//     Where the log writes a list in place of the address, the first is src_endpoint.ip
//     and the others src_endpoint.intermediate_ips.
//   - dst_endpoint is the gateway itself, load_balancer what is behind it: name the
//     upstream, cluster, backend or pool, dst_endpoint the server, code its status; of
//     several attempts each is one of endpoint_connections.
//   - http_request.url has the path and query as the client sent them, and the host
//     that it asked for. url_string is there if the client sent a whole URL, or the log
//     has one. CONNECT's target is dst_endpoint.
//   - A request line that is none (TLS to a plain port, an empty line) has the activity
//     Unknown and stays whole in unmapped.request. A method that OCSF does not list is
//     the activity's name, with Other.
//   - traffic.bytes_in is what the client received, bytes_out what it sent. duration and
//     http_response.latency (until the answer of the server behind, where the log has
//     that) are milliseconds.
//   - Failure is a status of 400 and above, or a request that a firewall blocked. 0 and
//     000 are Unknown.
//   - The user of a basic authentication, and the subject of a token where the log has
//     it, is actor.user, for which http_activity needs the profile host.
//   - \xNN is read as the byte where the bytes are UTF-8, and stays as written where
//     not.
//   - A header of syslog before a line stays in unmapped.syslog_header. A line that is a
//     member of an object (RawData, log, message) is mapped, and the rest of the object
//     is unmapped.
//
// Fillers, each the text Unknown: tls.version, and issuer and serial_number of a
// certificate, where a log has only other parts of them; load_balancer.name,
// firewall_rule.name and the name of an endpoint likewise; http_request.version of a
// record with neither a request nor a status; api.operation of an API without one.
// http_response.code is 0 where there are other parts of an answer only.
package gateway
