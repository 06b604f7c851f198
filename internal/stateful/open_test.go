package stateful

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

// logged collects the log of a store.
func logged(o *Options) *bytes.Buffer {
	var b bytes.Buffer
	o.Logger = slog.New(slog.NewJSONHandler(&b, nil))
	return &b
}

func reasons(t *testing.T, b *bytes.Buffer) (out []string) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		if m["msg"] == "state directory starts afresh" {
			out = append(out, m["reason"].(string))
		}
	}
	return out
}

// filled returns options of a directory on disk that holds one delta of shard 1, closed.
func filled(t *testing.T) (Options, *ledger) {
	t.Helper()
	o := testOptions(nil)
	o.Dir = filepath.Join(t.TempDir(), "deep", "state")
	s, err := Open(o)
	require.NoError(t, err)
	l := newLedger(testShards)
	restore(t, s, l)
	put(t, s, l, 1, "a", "1")
	require.NoError(t, s.Close())
	return o, l
}

func TestACleanRestartKeepsTheState(t *testing.T) {
	o, l := filled(t)
	b := logged(&o)
	s, err := Open(o)
	require.NoError(t, err)
	requireAt(t, s, l, 1)
	require.Equal(t, testShards, restore(t, s, l).Local())
	require.Positive(t, s.Size())
	require.NoError(t, s.Close())
	require.Empty(t, reasons(t, b))
}

func TestStateOfAnotherPipelineIsDroppedAndTheLogSaysSo(t *testing.T) {
	for _, tt := range []struct {
		name string
		with func(*Options)
		says string
	}{
		{"another pipeline", func(o *Options) { o.Pipeline = "clicks" }, `it holds the state of pipeline "orders", 3 shards, hash version 0; this is pipeline "clicks"`},
		{"another number of shards", func(o *Options) { o.Shards = 4 }, "this is pipeline \"orders\", 4 shards"},
		{"fewer shards", func(o *Options) { o.Shards = 1 }, "this is pipeline \"orders\", 1 shards"},
		{"another hash", func(o *Options) { o.HashVersion = 2 }, "hash version 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := filled(t)
			tt.with(&o)
			b := logged(&o)
			s, err := Open(o)
			require.NoError(t, err)
			for shard := range o.Shards {
				_, ok := s.Marker(shard)
				require.False(t, ok)
			}
			l := newLedger(o.Shards)
			restore(t, s, l)
			require.NoError(t, s.Close())
			require.Len(t, reasons(t, b), 1)
			require.Contains(t, reasons(t, b)[0], tt.says)
		})
	}
}

func TestADamagedDirectoryStartsAfresh(t *testing.T) {
	glob := func(t *testing.T, o Options, pattern string) string {
		names, err := filepath.Glob(filepath.Join(o.Dir, folder, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, names)
		return names[len(names)-1]
	}
	for _, tt := range []struct {
		name   string
		damage func(*testing.T, Options)
	}{
		{"table cut off", func(t *testing.T, o Options) { require.NoError(t, os.Truncate(glob(t, o, "*.sst"), 20)) }},
		{"table gone", func(t *testing.T, o Options) { require.NoError(t, os.Remove(glob(t, o, "*.sst"))) }},
		{"table flipped", func(t *testing.T, o Options) { flip(t, glob(t, o, "*.sst")) }},
		{"manifest garbage", func(t *testing.T, o Options) {
			require.NoError(t, os.WriteFile(glob(t, o, "MANIFEST-*"), []byte("garbage, and a lot of it"), 0o600))
		}},
		{"owner gone", func(t *testing.T, o Options) { require.NoError(t, os.Remove(glob(t, o, ownerFile))) }},
		{"owner of a later format", func(t *testing.T, o Options) {
			require.NoError(t, os.WriteFile(glob(t, o, ownerFile), []byte("millrace state, format 9\npid 1\n"), 0o600))
		}},
		{"format marker of a later Pebble", func(t *testing.T, o Options) {
			name := glob(t, o, "marker.format-version.*")
			require.NoError(t, os.Rename(name, strings.TrimSuffix(name, filepath.Ext(name))+".999"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, l := filled(t)
			tt.damage(t, o)
			b := logged(&o)
			s, err := Open(o)
			require.NoError(t, err)
			restore(t, s, l)
			for shard := range testShards {
				requireAt(t, s, l, shard)
			}
			require.NoError(t, s.Close())
			require.Len(t, reasons(t, b), 1, b)
		})
	}
}

// flip changes a byte in every 64, so that each block of the file is damaged; the length stays.
func flip(t *testing.T, name string) {
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	for i := 0; i < len(b); i += 64 {
		b[i] ^= 0x55
	}
	require.NoError(t, os.WriteFile(name, b, 0o600))
}

// rottenFS gives tables back with a bit flipped, once it is on.
type rottenFS struct {
	vfs.FS
	on *atomic.Bool
}

func (r rottenFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := r.FS.Open(name, opts...)
	if err != nil || !isTable(name) {
		return f, err
	}
	return rottenFile{f, r.on}, nil
}

type rottenFile struct {
	vfs.File
	on *atomic.Bool
}

func (r rottenFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.File.ReadAt(p, off)
	if r.on.Load() && n > 0 {
		p[n/2] ^= 1
	}
	return n, err
}

func TestDamageFoundWhileReadingKillsTheStoreNotTheProcess(t *testing.T) {
	var rotten atomic.Bool
	o := testOptions(rottenFS{vfs.NewMem(), &rotten})
	s, err := Open(o)
	require.NoError(t, err)
	l := newLedger(testShards)
	restore(t, s, l)
	put(t, s, l, 1, "a", "1")
	require.NoError(t, s.Flush())
	rotten.Store(true)

	scan := func() error { return s.Scan(1, 7, nil, nil, func(_, _ []byte) error { return nil }) }
	err = scan()
	require.ErrorIs(t, err, ErrStoreDead)
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, ".sst")
	<-s.Dead()
	_, err = s.Restore(t.Context(), l, l.claim()[1:2])
	require.NoError(t, err, "there is nothing to do")
	put := s.NewDelta(1)
	require.ErrorIs(t, s.Apply(put, Head{Seq: 2, ID: id(2)}), ErrStoreDead)
	put.Release()
	_, err = s.Snapshot(1)
	for _, err := range []error{err, s.Err(), s.Flush(), scan(), s.GetMany(1, 7, nil, nil)} {
		require.ErrorIs(t, err, ErrStoreDead)
	}
	require.Zero(t, s.Size())
	require.NoError(t, s.Close())

	rotten.Store(false)
	b := logged(&o)
	s, err = Open(o)
	require.NoError(t, err)
	require.Empty(t, reasons(t, b), "Close has deleted it")
	restore(t, s, l)
	requireAt(t, s, l, 1)
	require.NoError(t, s.Close())
}

func TestAStoreThatDiedIsNotOpenedAgainEvenIfItsProcessWasKilled(t *testing.T) {
	mem, image := vfs.NewMem(), vfs.NewMem()
	s, err := Open(testOptions(mem))
	require.NoError(t, err)
	l := newLedger(testShards)
	restore(t, s, l)
	put(t, s, l, 1, "a", "1")
	require.NoError(t, s.Flush())
	require.ErrorIs(t, s.failed(errDatabase), ErrStoreDead)
	_, err = vfs.Clone(mem, image, "state", "state")
	require.NoError(t, err)
	require.NoError(t, s.Close())

	o := testOptions(image)
	b := logged(&o)
	s, err = Open(o)
	require.NoError(t, err)
	require.Equal(t, []string{"the store that was here died or was not finished"}, reasons(t, b))
	restore(t, s, l)
	requireAt(t, s, l, 1)
	require.NoError(t, s.Close())
}

func TestADirectoryInUseNamesTheProcess(t *testing.T) {
	o, _ := filled(t)
	s, err := Open(o)
	require.NoError(t, err)
	_, err = Open(o)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, fmt.Sprintf("%s is locked by process %d", o.Dir, os.Getpid()))
	_, ok := s.Marker(1)
	require.True(t, ok)
	require.NoError(t, s.Close())
	s, err = Open(o)
	require.NoError(t, err, "the lock ends with the store")
	require.NoError(t, s.Close())
}

func TestOpenRefusesWithTheCure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, tt := range []struct {
		name string
		with func(*Options)
		says string
	}{
		{"no directory", func(o *Options) { o.Dir = "" }, "set MILLRACE_STATE_DIR"},
		{"no pipeline", func(o *Options) { o.Pipeline = "" }, "no pipeline named"},
		{"no shards", func(o *Options) { o.Shards = 0 }, "0 shards: want 1 to 65535"},
		{"too many shards", func(o *Options) { o.Shards = MaxShards + 1 }, "65536 shards"},
		{"a file", func(o *Options) { o.Dir = file }, "not a directory; set MILLRACE_STATE_DIR to a writable directory"},
		{"not writable", func(o *Options) { o.FS = readOnly{vfs.NewMem()} }, "permission denied; set MILLRACE_STATE_DIR to a writable directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions(nil)
			o.Dir = t.TempDir()
			tt.with(&o)
			_, err := Open(o)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

// readOnly refuses as the operating system refuses users without permission; tests may run as root, whom it refuses nothing.
type readOnly struct{ vfs.FS }

func (readOnly) MkdirAll(dir string, _ os.FileMode) error {
	return &os.PathError{Op: "mkdir", Path: dir, Err: os.ErrPermission}
}

func TestOnlyTheStoresOwnFolderIsTouched(t *testing.T) {
	o, _ := filled(t)
	mine := filepath.Join(o.Dir, "photo.jpg")
	require.NoError(t, os.WriteFile(mine, []byte("dear"), 0o600))
	o.Pipeline = "another"
	s, err := Open(o)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	b, err := os.ReadFile(mine)
	require.NoError(t, err)
	require.Equal(t, "dear", string(b))
}

func TestTheMarkerOfTheLastShardIsFoundAgain(t *testing.T) {
	o := Options{Dir: "state", Pipeline: "wide", Shards: MaxShards, FS: vfs.NewMem()}
	s, err := Open(o)
	require.NoError(t, err)
	l := newLedger(1)
	last := Claimed{Shard: MaxShards - 1}
	_, err = s.Restore(t.Context(), shifted{l, last.Shard}, []Claimed{last})
	require.NoError(t, err)
	d := s.NewDelta(last.Shard)
	d.Put(1<<32-1, []byte("\xff"), []byte("v"))
	require.NoError(t, s.Apply(d, Head{Seq: 1, ID: batch.Token{1}}))
	d.Release()
	require.NoError(t, s.Close())
	s, err = Open(o)
	require.NoError(t, err)
	h, ok := s.Marker(last.Shard)
	require.True(t, ok)
	require.Equal(t, Head{Seq: 1, ID: batch.Token{1}}, h)
	_, ok, err = s.Get(last.Shard, 1<<32-1, []byte("\xff"), nil)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, s.Close())
}
