package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/weir-security/weir/detections"
)

// The parts of SARIF 2.1.0 that problems of rules need.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		HelpURI          string    `json:"helpUri"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Fixes        []sarifFix        `json:"fixes,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int        `json:"startLine"`
		StartColumn int        `json:"startColumn,omitempty"`
		EndColumn   int        `json:"endColumn,omitempty"`
		Snippet     *sarifText `json:"snippet,omitempty"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted sarifText   `json:"insertedContent"`
	}
)

const (
	sarifSchema = "https://json.schemastore.org/sarif-2.1.0.json"
	projectURI  = "https://github.com/weir-security/weir"
	rulesPage   = projectURI + "/blob/main/docs/rules-reference.md#kinds-of-problems"
)

// printSARIF writes problems as a SARIF log.
func printSARIF(w io.Writer, problems []detections.Problem) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "weir", Version: buildVersion(), InformationURI: projectURI, Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
	}
	for _, k := range detections.Kinds {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{k.ID, sarifText{k.About}, rulesPage})
	}
	for _, p := range problems {
		run.Results = append(run.Results, sarifOf(p))
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

func sarifOf(p detections.Problem) sarifResult {
	kind := detections.KindOf(p)
	artifact := sarifArtifact{fileURI(p.File)}
	sum := sha256.Sum256([]byte(kind.ID + "\x00" + p.File + "\x00" + p.Path + "\x00" + p.Source + "\x00" + p.Message))
	r := sarifResult{
		RuleID: kind.ID, RuleIndex: slices.Index(detections.Kinds, kind), Level: severityOf(p), Message: sarifText{messageOf(p)},
		Locations:    []sarifLocation{{Physical: sarifPhysical{Artifact: artifact}}},
		Fingerprints: map[string]string{"weir/v1": hex.EncodeToString(sum[:16])},
	}
	if p.Path != "" {
		r.Locations[0].Logical = []sarifLogical{{p.Path}}
	}
	if p.Line > 0 {
		region := &sarifRegion{StartLine: p.Line, StartColumn: max(p.Col, 1), EndColumn: p.EndCol}
		if p.EndCol < p.Col {
			region.EndColumn = 0
		}
		if p.Source != "" {
			region.Snippet = &sarifText{p.Source}
		}
		r.Locations[0].Physical.Region = region
	}
	if fix, ok := p.Fix(); ok {
		r.Fixes = []sarifFix{{
			Description: sarifText{"write " + fix.Text},
			Changes: []sarifChange{{artifact, []sarifReplacement{{
				sarifRegion{StartLine: p.Line, StartColumn: fix.Col, EndColumn: fix.EndCol}, sarifText{fix.Text}}}}},
		}}
	}
	return r
}

// fileURI is a file's name as a URI: relative to where weir runs, unless the name
// is absolute.
func fileURI(file string) string {
	u := url.URL{Path: filepath.ToSlash(file)}
	if filepath.IsAbs(file) {
		u.Scheme = "file"
	}
	return u.String()
}
