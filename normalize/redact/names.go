package redact

import "strings"

// What names a credential. Names are compared without their case and without
// separators: clientSecret, client_secret and Client-Secret are one name.

// exact are whole names.
var exact = words(`pwd otp mfacode tokencode secret secrets token tokens jwt assertion clientassertion samlassertion samlresponse
	keymaterial primarymasterkey secondarymasterkey sharedaccesssignature sastoken accesskey primaryaccesskey secondaryaccesskey
	cookie cookies setcookie authorization proxyauthorization secretstring secretbinary secretvalue secrettext
	xfunctionskey ocpapimsubscriptionkey subscriptionkey primaryconnectionstring secondaryconnectionstring`)

// ends are how names end that credentials have: DB_PASSWORD, masterUserPassword,
// x-vault-token.
var ends = []string{
	"password", "passwd", "passphrase", "secret", "secretkey", "secretaccesskey", "apikey", "privatekey", "accountkey", "sharedaccesskey",
	"connectionstring", "token", "authorization", "cookie",
}

// benign are names that end so and are none: positions in listings, marks of
// idempotence, counters of versions.
var benign = words(`nexttoken clienttoken clientrequesttoken paginationtoken continuationtoken nextcontinuationtoken idempotencytoken
	synctoken nextforwardtoken nextbackwardtoken pagetoken nextpagetoken skiptoken responsecontinuationtoken creationtoken
	locktoken nextlocktoken changetoken updatetoken requesttoken startingtoken imagepullsecret haspassword requirepassword`)

// inQuery are names in URLs, beside those of members.
var inQuery = words(`sig signature xamzsignature xamzsecuritytoken xgoogsignature auth sessionid jsessionid phpsessid`)

// codeLength is from which length on the value of code= in a URL is a key of Azure
// Functions and not a code of something.
const codeLength = 40

func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// nameLength bounds what can be the name of a credential.
const nameLength = 64

// fold writes name without case and separators to buf; ok is false if it is too
// long.
func fold(buf *[nameLength]byte, name string) (folded []byte, ok bool) {
	n := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-' || c == '_' || c == '.' || c == ' ' || c == ':':
			continue
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		if n == len(buf) {
			return nil, false
		}
		buf[n] = c
		n++
	}
	return buf[:n], true
}

// isCredential tells whether the values of a name are credentials.
func (p *Policy) isCredential(name string) bool {
	var buf [nameLength]byte
	folded, ok := fold(&buf, name)
	if !ok || len(folded) < 3 {
		return false
	}
	if p.keys[string(folded)] || exact[string(folded)] {
		return true
	}
	for _, end := range ends {
		if len(folded) >= len(end) && string(folded[len(folded)-len(end):]) == end {
			return !benign[string(folded)]
		}
	}
	return false
}

// isDirectory tells the directory of a process, which some call pwd (GuardDuty), from
// a password: an absolute path below what a Linux system has at its root.
func isDirectory(name, value string) bool {
	if !strings.EqualFold(name, "pwd") || !strings.HasPrefix(value, "/") {
		return false
	}
	top, _, _ := strings.Cut(value[1:], "/")
	return top == "" && len(value) == 1 || directories[top]
}

var directories = words(`app boot data dev etc home lib media mnt opt proc root run sbin srv sys tmp usr var workspace`)

// isQueryCredential is isCredential for a name in a URL.
func (p *Policy) isQueryCredential(name, value string) bool {
	if p.isCredential(name) {
		return true
	}
	var buf [nameLength]byte
	folded, _ := fold(&buf, name)
	return inQuery[string(folded)] || string(folded) == "code" && len(value) >= codeLength
}

// masks are what services write in place of a credential.
var masks = words(`hidden_due_to_security_reasons <sensitivedataremoved> redacted [redacted] (redacted) <redacted> [filtered] filtered
	masked <masked> null none undefined true false - omitted`)

// masked tells whether a value is one already, or nothing.
func masked(value string) bool {
	if strings.HasPrefix(value, mark) || len(value) < 40 && masks[strings.ToLower(value)] {
		return true
	}
	return strings.Trim(value, "*.xX- ") == ""
}
