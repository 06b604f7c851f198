// Package deployments_test checks what can drift between this folder and the code, with nothing but Go: names of variables and metrics,
// pipeline files, the two Dockerfiles. What needs Kubernetes's types or Helm is checked in ./test, a module of its own.
package deployments_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/pipeline"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// texts are the files of this folder and its page, without Go's.
func texts(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{"docs/DEPLOYMENT.md": read(t, "../docs/DEPLOYMENT.md")}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".go") && filepath.Base(filepath.Dir(path)) != "test" {
			found[path] = read(t, path)
		}
		return err
	}))
	return found
}

var variable = regexp.MustCompile(`\bMILLRACE_[A-Z0-9_]*[A-Z0-9]\b`)

func TestEveryVariableThatIsNamedIsOneOfTheProcessor(t *testing.T) {
	seen := 0
	for path, text := range texts(t) {
		for _, name := range variable.FindAllString(text, -1) {
			if name == "MILLRACE_IMAGE" { // of compose.yaml, not of the processor
				continue
			}
			seen++
			require.NoError(t, config.CheckNames([]string{name + "=x"}), path)
		}
	}
	require.Greater(t, seen, 20)
}

func TestEveryPipelineThatIsInstalledIsAccepted(t *testing.T) {
	for _, path := range []string{"kubernetes/base/pipeline.yaml", "kubernetes/example/pipeline.yaml"} {
		_, err := pipeline.Load(path, func(string) string { return "" })
		require.NoError(t, err)
	}
}

func TestTheChartsPipelineIsThatOfTheBase(t *testing.T) {
	var values struct{ Pipeline string }
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "helm/millrace/values.yaml")), &values))
	require.Equal(t, read(t, "kubernetes/base/pipeline.yaml"), values.Pipeline)
}

func TestBothDockerfilesMakeTheSameImage(t *testing.T) {
	last := func(path string) string {
		_, text, ok := strings.Cut(read(t, path), "\nFROM scratch\n")
		require.True(t, ok, path)
		for from, to := range map[string]string{"--from=build ": "", "/out/": ""} {
			text = strings.ReplaceAll(text, from, to)
		}
		return text
	}
	require.Equal(t, last("Dockerfile.prebuilt"), last("Dockerfile"))
	require.Contains(t, last("Dockerfile"), "\nUSER 65532:65532\n")
}

// rules is what Prometheus reads; unknown fields are errors.
type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

var (
	metric  = regexp.MustCompile(`\b(?:millrace|process|kube|go)_[a-z0-9_]+`)
	foreign = map[string]string{"kube_pod_status_ready": "kube-state-metrics", "process_start_time_seconds": "of every Go process"}
)

func TestEveryMetricOfTheAlertsIsOnThePageOfMetrics(t *testing.T) {
	var r rules
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "prometheus/alerts.yaml")))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&r))
	page := read(t, "../docs/METRICS.md")
	for _, rule := range r.Groups[0].Rules {
		require.Contains(t, []string{"warning", "critical"}, rule.Labels["severity"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
		named := metric.FindAllString(rule.Expr, -1)
		require.True(t, len(named) > 0 || strings.HasPrefix(rule.Expr, "up{"), rule.Alert)
		for _, name := range named {
			name = strings.TrimSuffix(name, "_bucket")
			if _, ok := foreign[name]; !ok {
				require.Regexp(t, "\n\\| `"+name+"[`{]", page, rule.Alert)
			}
		}
	}
	require.GreaterOrEqual(t, len(r.Groups[0].Rules), 8)
}
