// Package deployments_test checks what a team would install, as the tools that install it read it: the manifests strictly against Kubernetes's
// types, the pods against the Pod Security Standard "restricted", the chart against the manifests, and the environment that a pod would see
// against the processor's own configuration.
//
// It is a module of its own because Helm and Kubernetes bring some hundred and fifty modules, none of which the processor needs. It needs
// no cluster, no Docker and no tool: `cd deployments/test && go test ./...`.
package deployments_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	sigsyaml "sigs.k8s.io/yaml"
)

const (
	kubernetes = "../kubernetes"
	chartDir   = "../helm/millrace"
	release    = "millrace" // as the instance of the kustomize base is called, so that the two can be compared
)

// objects are decoded manifests by "Kind/name".
type objects map[string]any

// kinds are the types that we install. Anything else is an error until somebody adds it here.
var kinds = map[string]func() any{
	"v1 ServiceAccount":                  func() any { return new(corev1.ServiceAccount) },
	"v1 ConfigMap":                       func() any { return new(corev1.ConfigMap) },
	"v1 Secret":                          func() any { return new(corev1.Secret) },
	"v1 Service":                         func() any { return new(corev1.Service) },
	"apps/v1 Deployment":                 func() any { return new(appsv1.Deployment) },
	"batch/v1 Job":                       func() any { return new(batchv1.Job) },
	"policy/v1 PodDisruptionBudget":      func() any { return new(policyv1.PodDisruptionBudget) },
	"networking.k8s.io/v1 NetworkPolicy": func() any { return new(networkingv1.NetworkPolicy) },
}

// decode reads manifests strictly: an unknown or repeated field is an error, as are two objects of one name.
func decode(manifests []byte) (objects, error) {
	found := objects{}
	docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		var head struct {
			APIVersion, Kind string
			Metadata         struct{ Name, GenerateName string }
		}
		if err := sigsyaml.Unmarshal(doc, &head); err != nil {
			return nil, err
		}
		if head.Kind == "" { // only comments
			continue
		}
		fresh, ok := kinds[head.APIVersion+" "+head.Kind]
		if !ok {
			return nil, fmt.Errorf("%s %s is none of the kinds that we install", head.APIVersion, head.Kind)
		}
		object := fresh()
		if err := sigsyaml.UnmarshalStrict(doc, object); err != nil {
			return nil, fmt.Errorf("%s %s: %w", head.Kind, head.Metadata.Name, err)
		}
		key := head.Kind + "/" + head.Metadata.Name + head.Metadata.GenerateName
		if _, twice := found[key]; twice {
			return nil, fmt.Errorf("%s is there twice", key)
		}
		found[key] = object
	}
}

// kustomized is what `kubectl apply -k` would send.
func kustomized(t *testing.T, dir string) objects {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err)
	manifests, err := resources.AsYaml()
	require.NoError(t, err)
	found, err := decode(manifests)
	require.NoError(t, err)
	return found
}

// file is a manifest that is applied by itself.
func file(t *testing.T, name string) objects {
	t.Helper()
	manifests, err := os.ReadFile(filepath.Join(kubernetes, name))
	require.NoError(t, err)
	found, err := decode(manifests)
	require.NoError(t, err)
	return found
}

// rendered is what `helm install` would send with these values over the default ones.
func rendered(values map[string]any) (objects, error) {
	chart, err := loader.LoadDir(chartDir)
	if err != nil {
		return nil, err
	}
	options := common.ReleaseOptions{Name: release, Namespace: "flights", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(chart, values, options, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	out, err := engine.Engine{Strict: true}.RenderWithContext(context.Background(), chart, all)
	if err != nil {
		return nil, err
	}
	var manifests bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(out)) {
		if strings.HasSuffix(name, ".yaml") {
			fmt.Fprintf(&manifests, "---\n%s\n", out[name])
		}
	}
	return decode(manifests.Bytes())
}

func helm(t *testing.T, values map[string]any) objects {
	t.Helper()
	found, err := rendered(values)
	require.NoError(t, err)
	return found
}

// one returns the only object of a type.
func one[T any](t *testing.T, all objects) T {
	t.Helper()
	var found []T
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if o, ok := all[name].(T); ok {
			found = append(found, o)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

func names(all objects) []string { return slices.Sorted(maps.Keys(all)) }

var hash = regexp.MustCompile(`-[a-z0-9]{10}$`) // kustomize's, of a generated ConfigMap
