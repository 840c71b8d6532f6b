// Command validate reads manifests from its standard input and says which fields a version of Kubernetes does not know or has as
// another type. Each argument is a folder of k8s.io/client-go, which has the schema of its version of Kubernetes in it. Kinds that are
// not Kubernetes' own are left out, and counted.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/yaml"
)

func main() {
	objects, err := read(os.Stdin)
	if err != nil {
		fail(err)
	}
	wrong := 0
	for _, folder := range os.Args[1:] {
		schema, err := schemaOf(folder)
		if err != nil {
			fail(err)
		}
		known := 0
		for _, object := range objects {
			kind := schema.Type(typeName(object))
			if !kind.IsValid() {
				continue
			}
			known++
			if _, err := kind.FromUnstructured(object); err != nil {
				wrong++
				fmt.Printf("%s: %s: %v\n", filepath.Base(folder), name(object), err)
			}
		}
		fmt.Printf("%s: %d of %d objects are of its kinds\n", filepath.Base(folder), known, len(objects))
	}
	if wrong > 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(2)
}

func read(input io.Reader) ([]map[string]any, error) {
	var objects []map[string]any
	documents := utilyaml.NewYAMLReader(bufio.NewReader(input))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		var object map[string]any
		if err := yaml.Unmarshal(text, &object); err != nil {
			return nil, err
		}
		if object != nil {
			objects = append(objects, object)
		}
	}
}

// schemaOf finds the schema that client-go merges by, the one literal of a generated file.
func schemaOf(folder string) (*typed.Parser, error) {
	path := filepath.Join(folder, "applyconfigurations", "internal", "internal.go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	longest := ""
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && len(literal.Value) > len(longest) {
			longest = literal.Value
		}
		return true
	})
	text, err := strconv.Unquote(longest)
	if err != nil {
		return nil, fmt.Errorf("%s has no schema: %w", path, err)
	}
	return typed.NewParser(typed.YAMLObject(text))
}

// typeName is io.k8s.api.rbac.v1.Role for rbac.authorization.k8s.io/v1 and Role.
func typeName(object map[string]any) string {
	group, version, found := strings.Cut(field(object, "apiVersion"), "/")
	if !found {
		group, version = "core", group
	}
	first, rest, _ := strings.Cut(group, ".")
	if rest != "" && !strings.HasSuffix(rest, "k8s.io") {
		return ""
	}
	return fmt.Sprintf("io.k8s.api.%s.%s.%s", first, version, field(object, "kind"))
}

func name(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	return field(object, "kind") + "/" + field(metadata, "name")
}

func field(object map[string]any, key string) string {
	text, _ := object[key].(string)
	return text
}
