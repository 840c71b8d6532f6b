// Command health says of Kubernetes objects what GitOps tools make of them, by the tools' own code. It does no I/O but its
// standard streams and the file that it is given.
//
//	health judge argocd-cm.yaml   reads a List, writes Argo CD's health and kstatus' status of each item
//	health drift                  reads pairs of a manifest and the live object, writes whether Argo CD sees a difference
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/health"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

// Where Argo CD's ConfigMap has the health scripts, one a kind.
const healthKey = "resource.customizations.health."

type verdict struct {
	Name    string               `json:"name"`
	Argo    *health.HealthStatus `json:"argo"`
	Kstatus said                 `json:"kstatus"`
}

type said struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

type pair struct {
	Desired unstructured.Unstructured `json:"desired"`
	Live    unstructured.Unstructured `json:"live"`
}

type difference struct {
	Name      string          `json:"name"`
	Modified  bool            `json:"modified"`
	Live      json.RawMessage `json:"live"`
	Predicted json.RawMessage `json:"predicted"`
}

func main() {
	answer, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) (any, error) {
	switch {
	case len(args) == 2 && args[0] == "judge":
		return judge(args[1])
	case len(args) == 1 && args[0] == "drift":
		return drift()
	}
	return nil, fmt.Errorf("usage: health judge ARGOCD_CM | health drift")
}

func judge(configMap string) ([]verdict, error) {
	scripts, err := overrides(configMap)
	if err != nil {
		return nil, err
	}
	var list unstructured.UnstructuredList
	if err := read(&list); err != nil {
		return nil, err
	}
	verdicts := []verdict{}
	for _, item := range list.Items {
		argo, err := health.GetResourceHealth(&item, scripts)
		if err != nil {
			return nil, err
		}
		kstatus, err := status.Compute(&item)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, verdict{item.GetName(), argo, said{kstatus.Status, kstatus.Message}})
	}
	return verdicts, nil
}

// overrides are the health scripts of a ConfigMap, as Argo CD takes them: without Lua's libraries.
func overrides(configMap string) (lua.ResourceHealthOverrides, error) {
	text, err := os.ReadFile(configMap)
	if err != nil {
		return nil, err
	}
	var settings corev1.ConfigMap
	if err := yaml.UnmarshalStrict(text, &settings); err != nil {
		return nil, err
	}
	scripts := lua.ResourceHealthOverrides{}
	for key, script := range settings.Data {
		if kind, found := strings.CutPrefix(key, healthKey); found {
			name := strings.ReplaceAll(kind, "_", "/")
			scripts[name] = v1alpha1.ResourceOverride{HealthLua: script}
		}
	}
	return scripts, nil
}

func drift() ([]difference, error) {
	var pairs []pair
	if err := read(&pairs); err != nil {
		return nil, err
	}
	differences := []difference{}
	for _, pair := range pairs {
		found, err := diff.Diff(&pair.Desired, &pair.Live)
		if err != nil {
			return nil, err
		}
		name := pair.Desired.GetKind() + "/" + pair.Desired.GetName()
		differences = append(differences, difference{name, found.Modified, found.NormalizedLive, found.PredictedLive})
	}
	return differences, nil
}

func read(into any) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
