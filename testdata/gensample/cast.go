package main

import (
	"fmt"
	"time"
)

// The company is Harbourline Freight. All names, accounts and keys are invented;
// addresses and domains are of the ranges reserved for documentation.

// The sample covers [dayStart, dayEnd).
var (
	dayStart  = clock("06:00:00")
	dayEnd    = clock("12:00:00")
	workStart = clock("07:30:00")
)

// clock is a time of the sample's day, UTC.
func clock(hms string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-11-18 "+hms)
	if err != nil {
		panic(err) // a constant of this program
	}
	return t
}

const (
	domain = "harbourline.example"

	prodAccount     = "111122223333"
	securityAccount = "444455556666"

	tenantID     = "6f1f0f64-9d1c-4b7e-8a53-0c2f8f0f7a11"
	subscription = "3b2c7a90-58d4-4c0e-9a6e-7e1d5c4b9f02"
)

// The attacker's addresses: a residential proxy, and a rented server.
const (
	proxyIP  = "203.0.113.77"
	serverIP = "198.51.100.201"
)

// attackerAccount is the attacker's own AWS account.
const attackerAccount = "999988887777"

// person is an employee.
type person struct {
	name string // given.family
	oid  string // object id in Entra
	sso  string // user id in IAM Identity Center
	ip   string // office or VPN
	mac  bool
}

func (p person) email() string { return p.name + "@" + domain }

// title is the name as a directory shows it.
func (p person) title() string {
	out := []byte(p.name)
	for i := range out {
		switch {
		case i == 0 || out[i-1] == ' ' || out[i-1] == '.':
			out[i] -= 'a' - 'A'
		}
		if out[i] == '.' {
			out[i] = ' '
		}
	}
	return string(out)
}

// victim is whose session is stolen: an engineer with an old IAM user.
var victim = person{"dana.lindqvist", "0d3e7c52-7b1f-4b3a-9a40-6a1f3bd0c9e4", "93670f0e-1051-70d4-88a1-d2c1f9a4b7e3", "192.0.2.11", true}

// people are the employees that use the clouds.
var people = []person{
	{"alice.moreau", "a1c5f7de-0c5b-4e7f-8f0f-5a4a6d1f2b01", "93670f0e-6011-7052-9a37-0c41de1a9c01", "192.0.2.10", true},
	{"ben.okafor", "b27e90c4-33da-41c6-9a0b-9d2c7c0a5e02", "93670f0e-2041-70f3-c57e-6b12de2b8d02", "192.0.2.10", false},
	{"chen.wei", "c9d0a6b8-5f41-4d6c-b3ee-1e3f8d6b7c03", "93670f0e-a0b1-7013-2c1b-93a3de3c7e03", "192.0.2.11", true},
	{"emre.yildiz", "e4f8b1a2-7c3d-4e5f-9a8b-2f4e9c7d8e04", "93670f0e-40c1-7084-7f2d-14d4de4d6f04", "192.0.2.20", false},
	{"farah.haddad", "f6a7c8d9-1e2f-4a3b-8c4d-3a5fad8e9f05", "93670f0e-70d1-70e5-0a3c-85e5de5e5a05", "192.0.2.21", true},
	{"george.petrov", "07b8d9ea-2f3a-4b4c-9d5e-4b6abe9f0a06", "93670f0e-c0e1-7046-b14e-f6f6de6f4b06", "192.0.2.12", false},
	{"hana.suzuki", "18c9eafb-3a4b-4c5d-8e6f-5c7bcfa01b07", "93670f0e-50f1-70a7-6250-6707de703c07", "2001:db8:10:4::1f", true},
	{"ines.carvalho", "29dafb0c-4b5c-4d6e-9f70-6d8cd0b12c08", "93670f0e-e001-7008-d361-d818de812d08", "192.0.2.22", true},
	victim,
}

// vpcAddress is a private address of a workload that reaches AWS through an endpoint.
func vpcAddress(d dice) string {
	return fmt.Sprintf("10.20.%d.%d", pick(d, []int{11, 12, 13}), 16+d.IntN(220))
}

// customerAddress is where a user of the gateway comes from. It is never one of
// the attacker's.
func customerAddress(d dice) string {
	switch n := d.IntN(100); {
	case n < 45:
		return fmt.Sprintf("203.0.113.%d", 80+d.IntN(170))
	case n < 80:
		return fmt.Sprintf("198.51.100.%d", 64+d.IntN(120))
	case n < 88:
		return fmt.Sprintf("192.0.2.%d", 128+d.IntN(120))
	}
	return fmt.Sprintf("2001:db8:a%03x:%x::%x", d.IntN(64), d.IntN(4096), 1+d.IntN(60000))
}
