package deployments_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/pipeline"
)

// composed reads compose.yaml as `docker compose` does: against its schema, with variables replaced.
func composed(t *testing.T, environ types.Mapping) *types.Project {
	t.Helper()
	path, err := filepath.Abs("../compose.yaml")
	require.NoError(t, err)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: filepath.Dir(path), ConfigFiles: []types.ConfigFile{{Filename: path}}, Environment: environ,
	})
	require.NoError(t, err)
	return project
}

func TestTheProcessorAcceptsWhatComposeGivesIt(t *testing.T) {
	s := composed(t, nil).Services["processor"]
	environ := []string{}
	for name, value := range s.Environment {
		environ = append(environ, name+"="+*value)
	}
	getenv := func(name string) string {
		if v := s.Environment[name]; v != nil {
			return *v
		}
		return ""
	}
	require.NoError(t, config.CheckNames(environ))
	_, err := config.Load(getenv)
	require.NoError(t, err)

	mounted := func(target string) string {
		i := slices.IndexFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == target })
		require.GreaterOrEqual(t, i, 0, target)
		return s.Volumes[i].Source
	}
	_, err = pipeline.Load(mounted(getenv("MILLRACE_PIPELINE")), config.Getenv(getenv))
	require.NoError(t, err)
	require.Equal(t, "state", mounted("/var/lib/millrace"), "the state directory of the image is a volume")
	require.True(t, s.ReadOnly)
	require.Equal(t, []string{"ALL"}, s.CapDrop)
}

func TestEveryImageOfComposeCanBeReplaced(t *testing.T) {
	usual := composed(t, nil)
	other := composed(t, types.Mapping{"KAFKA_IMAGE": "k", "POSTGRES_IMAGE": "p", "MILLRACE_IMAGE": "m"})
	for name, want := range map[string][2]string{
		"kafka": {"apache/kafka:4.3.0", "k"}, "flights": {"apache/kafka:4.3.0", "k"}, "postgres": {"postgres:17", "p"}, "processor": {"millrace:dev", "m"},
	} {
		require.Equal(t, want, [2]string{usual.Services[name].Image, other.Services[name].Image}, name)
	}
	require.Len(t, usual.Services, 4)
}

func TestComposeOpensPortsOnLoopbackOnlyAndMountsWhatIsThere(t *testing.T) {
	for name, s := range composed(t, nil).Services {
		for _, p := range s.Ports {
			require.Equal(t, "127.0.0.1", p.HostIP, name)
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				_, err := os.Stat(v.Source)
				require.NoError(t, err, name)
			}
		}
	}
}
