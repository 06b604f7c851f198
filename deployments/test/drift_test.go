package deployments_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	sigsyaml "sigs.k8s.io/yaml"
)

// alike takes away what the two tools must do differently: kustomize names a ConfigMap by its content, Helm writes a checksum beside the pod
// and says who manages an object. The order of variables means nothing, for none refers to another.
func alike(all objects) objects {
	out := objects{}
	for _, o := range all {
		meta := o.(metav1.Object)
		delete(meta.GetLabels(), "app.kubernetes.io/managed-by")
		delete(meta.GetLabels(), "helm.sh/chart")
		switch o := o.(type) {
		case *appsv1.Deployment:
			alikePod(&o.Spec.Template)
		case *corev1.ConfigMap:
			o.Name = hash.ReplaceAllString(o.Name, "")
		}
		kind := o.(runtime.Object).GetObjectKind().GroupVersionKind().Kind
		out[kind+"/"+meta.GetName()] = o
	}
	return out
}

func alikePod(pod *corev1.PodTemplateSpec) {
	delete(pod.Annotations, "checksum/pipeline")
	slices.SortFunc(pod.Spec.Containers[0].Env, func(a, b corev1.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	for i := range pod.Spec.Volumes {
		if c := pod.Spec.Volumes[i].ConfigMap; c != nil {
			c.Name = hash.ReplaceAllString(c.Name, "")
		}
	}
}

func requireSame(t *testing.T, want, got objects) {
	t.Helper()
	want, got = alike(want), alike(got)
	require.Equal(t, names(want), names(got))
	for _, name := range names(want) {
		w, err := sigsyaml.Marshal(want[name])
		require.NoError(t, err)
		g, err := sigsyaml.Marshal(got[name])
		require.NoError(t, err)
		require.Equal(t, string(w), string(g), name)
	}
}

func TestTheChartRendersTheObjectsOfTheKustomizeBase(t *testing.T) {
	requireSame(t, kustomized(t, kubernetes+"/base"), helm(t, nil))
}

func TestTheChartRendersTheObjectsOfTheExampleToo(t *testing.T) {
	want := kustomized(t, kubernetes+"/example")
	for _, o := range want {
		require.Equal(t, "flights", o.(metav1.Object).GetNamespace())
		o.(metav1.Object).SetNamespace("") // Helm gives it beside the manifests
	}
	pipeline := ""
	for name, o := range want {
		if strings.HasPrefix(name, "ConfigMap/") {
			pipeline = o.(*corev1.ConfigMap).Data["pipeline.yaml"]
		}
	}
	requireSame(t, want, helm(t, map[string]any{
		"image":         map[string]any{"repository": "registry.example.com/millrace"},
		"kafka":         map[string]any{"brokers": "kafka-0.example.com:9092,kafka-1.example.com:9092"},
		"networkPolicy": map[string]any{"enabled": true},
		"pipeline":      pipeline,
	}))
}

func TestEverySettingOfTheChartArrives(t *testing.T) {
	d := one[*appsv1.Deployment](t, helm(t, map[string]any{
		"secret": "other", "terminationGracePeriodSeconds": 90, "podAnnotations": map[string]any{"a": "b"}, "podLabels": map[string]any{"team": "x"},
		"env":              map[string]any{"MILLRACE_LOG_FORMAT": "text", "MILLRACE_INTERVAL": "5s"},
		"imagePullSecrets": []any{map[string]any{"name": "pull"}}, "nodeSelector": map[string]any{"disk": "ssd"},
		"tolerations": []any{map[string]any{"key": "k", "operator": "Exists"}}, "state": map[string]any{"sizeLimit": "9Gi"},
		"affinity": map[string]any{"nodeAffinity": map[string]any{}},
	}))
	pod := d.Spec.Template
	require.Equal(t, "b", pod.Annotations["a"])
	require.Equal(t, "x", pod.Labels["team"])
	require.Equal(t, int64(90), *pod.Spec.TerminationGracePeriodSeconds)
	require.Equal(t, "pull", pod.Spec.ImagePullSecrets[0].Name)
	require.Equal(t, "ssd", pod.Spec.NodeSelector["disk"])
	require.Equal(t, "k", pod.Spec.Tolerations[0].Key)
	require.NotNil(t, pod.Spec.Affinity.NodeAffinity)
	require.Equal(t, "other", volume(t, pod.Spec, "secret").Secret.SecretName)
	require.Equal(t, "9Gi", volume(t, pod.Spec, "state").EmptyDir.SizeLimit.String())
	require.Equal(t, []string{"text"}, valuesOf(pod.Spec.Containers[0], "MILLRACE_LOG_FORMAT"))
	require.Equal(t, []string{"5s"}, valuesOf(pod.Spec.Containers[0], "MILLRACE_INTERVAL"))
}

func TestTheChartRefusesWhatItDoesNotKnow(t *testing.T) {
	for says, values := range map[string]map[string]any{
		"replicas":                      {"replicas": 2},
		"repo":                          {"image": map[string]any{"repo": "x"}},
		"GOMEMLIMIT":                    {"env": map[string]any{"GOMEMLIMIT": "1"}},
		"MILLRACE_STATE_DIR is set by":  {"env": map[string]any{"MILLRACE_STATE_DIR": "/x"}},
		"terminationGracePeriodSeconds": {"terminationGracePeriodSeconds": 5},
		"resources":                     {"resources": map[string]any{"requests": map[string]any{"memory": nil}}},
	} {
		_, err := rendered(values)
		require.ErrorContains(t, err, says)
	}
}

func TestAChangedPipelineMakesANewPod(t *testing.T) {
	sum := func(values map[string]any) string {
		return one[*appsv1.Deployment](t, helm(t, values)).Spec.Template.Annotations["checksum/pipeline"]
	}
	require.NotEqual(t, sum(nil), sum(map[string]any{"pipeline": "pipeline: other"}))

	config := one[*corev1.ConfigMap](t, kustomized(t, kubernetes+"/base"))
	require.Regexp(t, hash, config.Name)
}

// valuesOf returns the values that a container gives a variable; more than one is a mistake that Kubernetes accepts.
func valuesOf(c corev1.Container, name string) (values []string) {
	for _, e := range c.Env {
		if e.Name == name {
			values = append(values, e.Value)
		}
	}
	return values
}

func volume(t *testing.T, pod corev1.PodSpec, name string) corev1.Volume {
	t.Helper()
	i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return pod.Volumes[i]
}
