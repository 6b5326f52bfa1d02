// Why: the simulator of the Actions Service is believed only as far as GitHub's own client believes it. This
// is that client (actions/scaleset), with its listener, against an address: it creates a scale set, serves
// it until enough jobs are completed, and prints what it saw as one JSON object.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/actions/scaleset"
	"github.com/actions/scaleset/listener"
)

var (
	configURL    = flag.String("url", "", "config URL")
	token        = flag.String("token", "", "personal access token")
	appID        = flag.String("app-id", "", "GitHub App, instead of the token")
	installation = flag.Int64("installation", 0, "its installation")
	keyFile      = flag.String("key", "", "PEM of its private key")
	name         = flag.String("set", "go-set", "name of the scale set")
	jobs         = flag.Int("jobs", 1, "completed jobs after which to stop")
	maxRunners   = flag.Int("max", 10, "capacity")
)

// Seen is what the program prints.
type Seen struct {
	ScaleSetID int      `json:"scaleSetId"`
	Desired    []int    `json:"desired"`
	Started    []string `json:"started"`
	Completed  []string `json:"completed"`
	RequestIDs []int64  `json:"requestIds"`
	Conflict   string   `json:"conflict"`
	Busy       bool     `json:"busyRefused"`
	Exists     bool     `json:"existsRefused"`
	NotFound   bool     `json:"notFoundAfterwards"`
}

func main() {
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	seen, err := run(ctx, cancel)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(seen)
}

func connect() (*scaleset.Client, error) {
	info := scaleset.SystemInfo{System: "runlet-test", Version: "1", Subsystem: "listener"}
	if *appID == "" {
		return scaleset.NewClientWithPersonalAccessToken(scaleset.NewClientWithPersonalAccessTokenConfig{
			GitHubConfigURL: *configURL, PersonalAccessToken: *token, SystemInfo: info,
		})
	}
	key, err := os.ReadFile(*keyFile)
	if err != nil {
		return nil, err
	}
	return scaleset.NewClientWithGitHubApp(scaleset.ClientWithGitHubAppConfig{
		GitHubConfigURL: *configURL,
		GitHubAppAuth: scaleset.GitHubAppAuth{
			ClientID: *appID, InstallationID: *installation, PrivateKey: string(key),
		},
		SystemInfo: info,
	})
}

func run(ctx context.Context, stop func()) (*Seen, error) {
	client, err := connect()
	if err != nil {
		return nil, err
	}
	set, err := client.GetRunnerScaleSet(ctx, 1, *name)
	if err != nil {
		return nil, err
	}
	if set == nil {
		set, err = client.CreateRunnerScaleSet(ctx, &scaleset.RunnerScaleSet{
			Name: *name, RunnerGroupID: 1, RunnerSetting: scaleset.RunnerSetting{DisableUpdate: true},
		})
		if err != nil {
			return nil, err
		}
	}
	session, err := client.MessageSessionClient(ctx, set.ID, "go-listener")
	if err != nil {
		return nil, err
	}
	scaler := &scaler{client: client, setID: set.ID, stop: stop, seen: Seen{ScaleSetID: set.ID}}
	if _, err := client.MessageSessionClient(ctx, set.ID, "go-listener"); err != nil {
		scaler.seen.Conflict = err.Error()
	}
	one, err := listener.New(session, listener.Config{ScaleSetID: set.ID, MaxRunners: *maxRunners})
	if err != nil {
		return nil, err
	}
	runErr := one.Run(ctx, scaler)
	if scaler.err != nil {
		return nil, scaler.err
	}
	if !errors.Is(runErr, context.Canceled) {
		return nil, runErr
	}
	after := context.Background()
	if err := session.Close(after); err != nil {
		return nil, err
	}
	_, err = client.GetRunner(after, 999)
	scaler.seen.NotFound = errors.Is(err, scaleset.RunnerNotFoundError)
	return &scaler.seen, client.DeleteRunnerScaleSet(after, set.ID)
}

// scaler makes a runner for every job it is told of, and plays that runner.
type scaler struct {
	mu     sync.Mutex
	client *scaleset.Client
	setID  int
	made   int
	seen   Seen
	stop   func()
	err    error
}

func (s *scaler) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.stop()
}

func (s *scaler) HandleDesiredRunnerCount(ctx context.Context, count int) (int, error) {
	s.seen.Desired = append(s.seen.Desired, count)
	target := count + len(s.seen.Completed)
	for s.made < target {
		s.made++
		jit, err := s.client.GenerateJitRunnerConfig(ctx, &scaleset.RunnerScaleSetJitRunnerSetting{
			Name: fmt.Sprintf("%s-runner-%d", *name, s.made),
		}, s.setID)
		if err != nil {
			return 0, err
		}
		if _, err := s.client.GenerateJitRunnerConfig(ctx, &scaleset.RunnerScaleSetJitRunnerSetting{
			Name: jit.Runner.Name,
		}, s.setID); errors.Is(err, scaleset.RunnerExistsError) {
			s.seen.Exists = true
		}
		go s.play(jit)
	}
	return s.made, nil
}

func (s *scaler) HandleJobStarted(ctx context.Context, job *scaleset.JobStarted) error {
	s.seen.Started = append(s.seen.Started, job.RunnerName)
	s.seen.RequestIDs = append(s.seen.RequestIDs, job.RunnerRequestID)
	if err := s.client.RemoveRunner(ctx, int64(job.RunnerID)); errors.Is(err, scaleset.JobStillRunningError) {
		s.seen.Busy = true
	}
	return nil
}

func (s *scaler) HandleJobCompleted(_ context.Context, job *scaleset.JobCompleted) error {
	s.seen.Completed = append(s.seen.Completed, job.Result)
	if len(s.seen.Completed) >= *jobs {
		s.stop()
	}
	return nil
}

// play is the runner: it reads the JIT config by itself and speaks the simulator's runner routes.
func (s *scaler) play(jit *scaleset.RunnerScaleSetJitRunnerConfig) {
	files, err := decode(jit.EncodedJITConfig)
	if err != nil {
		s.fail(err)
		return
	}
	server, _ := files[".runner"]["ServerUrl"].(string)
	data, _ := files[".credentials"]["Data"].(map[string]any)
	credential := fmt.Sprintf("%v.%v", data["ClientId"], files[".credentials_rsaparams"]["d"])
	var online struct{ Token string }
	if err := call("POST", server+"/connect", credential, "", &online); err != nil {
		s.fail(err)
		return
	}
	var job struct {
		DurationMs int
		Result     string
	}
	for job.Result == "" {
		if err := call("GET", server+"/job", online.Token, "", &job); err != nil {
			s.fail(err)
			return
		}
	}
	// Long enough for JobStarted to be handled while it runs.
	time.Sleep(time.Duration(job.DurationMs) * time.Millisecond)
	if err := call("POST", server+"/job/finish", online.Token, `{"result":"`+job.Result+`"}`, nil); err != nil {
		s.fail(err)
	}
}

func decode(encoded string) (map[string]map[string]any, error) {
	outer, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	var parts map[string]string
	if err := json.Unmarshal(outer, &parts); err != nil {
		return nil, err
	}
	files := map[string]map[string]any{}
	for part, text := range parts {
		inner, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		var file map[string]any
		if err := json.Unmarshal(inner, &file); err != nil {
			return nil, err
		}
		files[part] = file
	}
	return files, nil
}

func call(method, url, bearer, body string, into any) error {
	request, err := http.NewRequest(method, url, bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusAccepted {
		return nil
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, strings.SplitN(url, "?", 2)[0], response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}
