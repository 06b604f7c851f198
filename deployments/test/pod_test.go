package deployments_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/millrace/millrace/internal/admin"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/pipeline"
	"github.com/millrace/millrace/internal/plan"
)

// pods are all pod templates that we install.
func pods(t *testing.T) map[string]corev1.PodTemplateSpec {
	t.Helper()
	return map[string]corev1.PodTemplateSpec{
		"base":    one[*appsv1.Deployment](t, kustomized(t, kubernetes+"/base")).Spec.Template,
		"example": one[*appsv1.Deployment](t, kustomized(t, kubernetes+"/example")).Spec.Template,
		"chart":   one[*appsv1.Deployment](t, helm(t, nil)).Spec.Template,
		"migrate": one[*batchv1.Job](t, file(t, "migrate-job.yaml")).Spec.Template,
	}
}

func TestEveryPodPassesTheRestrictedStandard(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
	for name, pod := range pods(t) {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
		require.True(t, result.Allowed, "%s: %s", name, result.ForbiddenDetail())
	}
}

// The standard does not ask for these.
func TestEveryPodIsTighterThanTheStandard(t *testing.T) {
	for name, pod := range pods(t) {
		require.False(t, *pod.Spec.AutomountServiceAccountToken, name)
		require.False(t, *pod.Spec.EnableServiceLinks, name)
		require.EqualValues(t, 65532, *pod.Spec.SecurityContext.RunAsUser, name)
		for _, c := range pod.Spec.Containers {
			require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, name)
			require.Positive(t, c.Resources.Limits.Memory().Value(), name)
		}
		for _, v := range pod.Spec.Volumes {
			if v.EmptyDir != nil {
				require.Positive(t, v.EmptyDir.SizeLimit.Value(), name)
			}
			if v.Secret != nil {
				require.EqualValues(t, 0o440, *v.Secret.DefaultMode, name)
			}
		}
	}
	account := one[*corev1.ServiceAccount](t, kustomized(t, kubernetes+"/base"))
	require.False(t, *account.AutomountServiceAccountToken)
}

func TestOneInstanceRunsAPipelineAndNeverTwo(t *testing.T) {
	d := one[*appsv1.Deployment](t, kustomized(t, kubernetes+"/base"))
	require.EqualValues(t, 1, *d.Spec.Replicas)
	require.Equal(t, appsv1.RecreateDeploymentStrategyType, d.Spec.Strategy.Type)
}

func TestANodeCanBeDrained(t *testing.T) {
	budget := one[*policyv1.PodDisruptionBudget](t, kustomized(t, kubernetes+"/base"))
	require.Nil(t, budget.Spec.MinAvailable)
	require.Equal(t, 1, budget.Spec.MaxUnavailable.IntValue())
}

// An empty selector would be every pod of the namespace.
func TestEverySelectorSelectsThePodAndNotTheMigration(t *testing.T) {
	for _, all := range []objects{kustomized(t, kubernetes+"/example"), helm(t, map[string]any{"networkPolicy": map[string]any{"enabled": true}})} {
		d := one[*appsv1.Deployment](t, all)
		for what, selector := range map[string]*metav1.LabelSelector{
			"deployment": d.Spec.Selector,
			"service":    {MatchLabels: one[*corev1.Service](t, all).Spec.Selector},
			"budget":     one[*policyv1.PodDisruptionBudget](t, all).Spec.Selector,
			"policy":     &one[*networkingv1.NetworkPolicy](t, all).Spec.PodSelector,
		} {
			s, err := metav1.LabelSelectorAsSelector(selector)
			require.NoError(t, err)
			require.True(t, s.Matches(labels.Set(d.Spec.Template.Labels)), what)
			require.False(t, s.Matches(labels.Set(pods(t)["migrate"].Labels)), what)
		}
	}
}

// The real handler answers: a path that it does not know is 404.
func TestProbesAskPathsThatTheProcessorAnswers(t *testing.T) {
	handler := admin.Handler(admin.NewStatus(time.Now), admin.NewMetrics("test"))
	ask := func(p *corev1.Probe) (string, int) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.HTTPGet.Path, nil))
		return p.HTTPGet.Path, w.Code
	}
	for name, pod := range pods(t) {
		if name == "migrate" {
			continue
		}
		c := pod.Spec.Containers[0]
		for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe} {
			path, code := ask(p)
			require.Equal(t, http.StatusOK, code, "%s: %s: a process that has not claimed yet lives", name, path)
		}
		path, code := ask(c.ReadinessProbe)
		require.Equal(t, http.StatusServiceUnavailable, code, "%s: %s: it is not ready yet", name, path)
		for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			require.Equal(t, "http", p.HTTPGet.Port.String())
		}
		require.Equal(t, []string{":8080"}, valuesOf(c, "MILLRACE_HTTP_ADDR"))
		require.EqualValues(t, 8080, c.Ports[0].ContainerPort)
	}
}

// inside is what the processor sees in a pod: its environment, and its volumes as folders of this machine.
type inside struct {
	environ []string
	root    string
}

func enter(t *testing.T, pod corev1.PodSpec, data map[string]map[string]string) inside {
	t.Helper()
	in := inside{root: t.TempDir()}
	c := pod.Containers[0]
	paths := []string{}
	for _, m := range c.VolumeMounts {
		v := volume(t, pod, m.Name)
		dir := filepath.Join(in.root, m.MountPath)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		paths = append(paths, m.MountPath)
		source := ""
		switch {
		case v.ConfigMap != nil:
			source = "ConfigMap/" + v.ConfigMap.Name
		case v.Secret != nil:
			source = "Secret/" + v.Secret.SecretName
		default:
			require.NotNil(t, v.EmptyDir)
			continue
		}
		require.Contains(t, data, source)
		for name, text := range data[source] {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
	}
	for _, e := range c.Env {
		value := e.Value
		for _, p := range paths {
			if value == p || strings.HasPrefix(value, p+"/") {
				value = filepath.Join(in.root, value)
			}
		}
		in.environ = append(in.environ, e.Name+"="+value)
	}
	return in
}

func (in inside) getenv(name string) string {
	for _, pair := range in.environ {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// dataOf is the content of ConfigMaps and Secrets.
func dataOf(all ...objects) map[string]map[string]string {
	data := map[string]map[string]string{}
	for _, objects := range all {
		for name, o := range objects {
			switch o := o.(type) {
			case *corev1.ConfigMap:
				data[name] = o.Data
			case *corev1.Secret:
				data[name] = o.StringData
			}
		}
	}
	return data
}

// load reads environment and pipeline as `processor run` does.
func load(t *testing.T, in inside) (config.Config, *plan.Pipeline) {
	t.Helper()
	require.NoError(t, config.CheckNames(in.environ))
	c, err := config.Load(in.getenv)
	require.NoError(t, err)
	p, err := pipeline.Load(config.Getenv(in.getenv)("MILLRACE_PIPELINE"), config.Getenv(in.getenv))
	require.NoError(t, err)
	return c, p
}

func TestTheProcessorAcceptsWhatItFindsInThePod(t *testing.T) {
	secret := file(t, "secret.example.yaml")
	for name, all := range map[string]objects{
		"base": kustomized(t, kubernetes+"/base"), "example": kustomized(t, kubernetes+"/example"), "chart": helm(t, nil),
	} {
		d := one[*appsv1.Deployment](t, all)
		in := enter(t, d.Spec.Template.Spec, dataOf(all, secret))
		c, p := load(t, in)
		require.Contains(t, c.PostgresURL.Reveal(), "millrace_runtime", name)
		require.DirExists(t, c.StateDir, "%s: the state is in a volume", name)
		require.Equal(t, "json", c.LogFormat, name)

		drain := 30*time.Second + p.Interval // docs/OPERATIONS.md: 30 seconds are plenty for a batch and its commit
		require.Greater(t, time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds)*time.Second, drain, name)
	}
}

func TestTheMigrationAcceptsWhatItFindsInThePod(t *testing.T) {
	job := one[*batchv1.Job](t, file(t, "migrate-job.yaml"))
	in := enter(t, job.Spec.Template.Spec, map[string]map[string]string{"Secret/millrace-migrate": {"postgres-url": "postgres://m:p@db:5432/x\n"}})
	require.NoError(t, config.CheckNames(in.environ))
	_, err := config.Load(in.getenv)
	require.ErrorContains(t, err, "MILLRACE_KAFKA_BROKERS is not set") // which `migrate` does without
	require.NotContains(t, err.Error(), "POSTGRES")
	require.Equal(t, []string{"migrate"}, job.Spec.Template.Spec.Containers[0].Args)
}

func TestTheGoHeapIsBoundedByTheRequestAndTheLimitLeavesRoom(t *testing.T) {
	c := pods(t)["base"].Spec.Containers[0]
	for _, e := range c.Env {
		if e.Name != "GOMEMLIMIT" {
			continue
		}
		ref := e.ValueFrom.ResourceFieldRef
		require.Equal(t, c.Name, ref.ContainerName)
		require.Equal(t, "requests.memory", ref.Resource)
		require.Equal(t, "1", ref.Divisor.String(), "in bytes, as Go reads it")
		request, limit := c.Resources.Requests.Memory().Value(), c.Resources.Limits.Memory().Value()
		require.GreaterOrEqual(t, limit, request+request/5)
		return
	}
	t.Fatal("GOMEMLIMIT is not set")
}
