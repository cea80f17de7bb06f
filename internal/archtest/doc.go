// Package archtest holds the tests of the project's structure: which package
// may import which, and that each says what it is for.
package archtest
