package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/redact"
)

// process is what a subcommand works with: the answer goes to out, everything
// else to talk. Both pass the masking writer.
type process struct {
	flags
	ctx     context.Context
	environ []string
	out     *redact.Writer
	talk    *redact.Writer
	secrets *redact.Secrets
	origins map[string]string // of the settings
	screen  screen            // what out can show
	side    screen            // what talk can show
	in      io.Reader
	raw     io.Writer // what out writes to: for a secret that is the answer
}

// flags are those of every command.
type flags struct {
	JSON    bool `name:"json" help:"Answer as JSON."`
	NoColor bool `help:"No colours; the variable NO_COLOR does the same."`
	Quiet   bool `short:"q" help:"Only the answer and errors."`
}

func newProcess(ctx context.Context, environ []string, stdout, stderr io.Writer) *process {
	secrets := &redact.Secrets{}
	return &process{
		ctx: ctx, environ: environ, out: secrets.Writer(stdout), talk: secrets.Writer(stderr), secrets: secrets,
		screen: newScreen(environ, stdout), side: newScreen(environ, stderr), in: os.Stdin, raw: stdout,
	}
}

// hint says something besides the answer.
func (p *process) hint(format string, args ...any) {
	if !p.Quiet {
		fmt.Fprintf(p.talk, format+"\n", args...)
	}
}

// json answers a program.
func (p *process) json(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// cli is the command line.
type cli struct {
	flags
	Run         runCmd         `cmd:"" default:"1" help:"Run the bridge. This is what happens without a command."`
	Demo        demoCmd        `cmd:"" help:"Run the bridge with a virtual home, on loopback only."`
	Devices     devicesCmd     `cmd:"" help:"Look for devices and list what answers."`
	Get         getCmd         `cmd:"" help:"Read properties of a device."`
	Set         setCmd         `cmd:"" help:"Write a property of a device."`
	Call        callCmd        `cmd:"" help:"Run an action of a device."`
	Export      exportCmd      `cmd:"" help:"Print the set-up of a device for openHAB, FHEM, Homebridge or Node-RED."`
	Show        showCmd        `cmd:"" help:"Print the entities of a model and the rule that made each."`
	Validate    validateCmd    `cmd:"" help:"Check mapping files."`
	Capture     captureCmd     `cmd:"" help:"Write down a conversation with a device, without its secrets."`
	Healthcheck healthcheckCmd `cmd:"" help:"Tell by the exit code whether the running bridge is well."`
	Login       loginCmd       `cmd:"" help:"Sign in to a Xiaomi account by QR code or password."`
	Doctor      doctorCmd      `cmd:"" help:"Find out why a device does not answer, and what to do."`
	Reseal      resealCmd      `cmd:"" help:"Encrypt the secrets of the data folder with another key, or decrypt them."`
	Completion  completionCmd  `cmd:"" help:"Print what makes a shell complete the command line."`
	Complete    completeCmd    `cmd:"" name:"__complete" hidden:"" passthrough:""`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

func (p *process) main(args []string) error {
	if err := refuseSecrets(args); err != nil {
		return err
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	done := false
	line := &cli{}
	parser, err := kong.New(line, kong.Name("mihome2mqtt"), kong.Writers(p.out, p.talk), kong.Exit(func(int) { done = true }), kong.UsageOnError(), kong.Help(help),
		kong.Description("Brings Xiaomi and Mi Home devices to MQTT and Home Assistant. Settings are environment variables; the README lists them."))
	if err != nil {
		panic(err) // the struct above is wrong
	}
	command, err := parser.Parse(args)
	if done { // help was asked for
		return nil
	}
	if err != nil {
		return wrongUse(err)
	}
	p.flags = line.flags
	if p.NoColor {
		p.screen.colour, p.side.colour = false, false
	}
	return command.Run(p)
}

const examples = `Examples:
  mihome2mqtt demo                          try it with a virtual home
  mihome2mqtt login                         sign in to Xiaomi: every device comes with its key
  mihome2mqtt                               run the bridge
  mihome2mqtt devices                       who is there, and by which way
  mihome2mqtt get purifier                  a part of a name will do
  mihome2mqtt set purifier mode auto
  mihome2mqtt doctor camera                 why does it not answer?

`

// help shows examples first.
func help(o kong.HelpOptions, ctx *kong.Context) error {
	if ctx.Selected() == nil {
		fmt.Fprint(ctx.Stdout, examples)
	}
	return kong.DefaultHelpPrinter(o, ctx)
}

var secretFlag = regexp.MustCompile(`^--?[a-z-]*(pass|token|secret|key)[a-z-]*`)

// refuseSecrets turns down flags that would show a secret in the list of
// processes.
func refuseSecrets(args []string) error {
	for _, arg := range args {
		if flag := secretFlag.FindString(arg); flag != "" {
			return wrongUse(fmt.Errorf("%s is not taken: everybody on this machine can read the command line. Use an environment variable such as %sMQTT_PASSWORD_FILE", flag, config.Prefix))
		}
	}
	return nil
}

// settings reads the configuration and registers its secrets. The variables in
// defaults hold unless they are set. As a Home Assistant app, the bridge also
// takes the app's options and the Supervisor's broker.
func (p *process) settings(defaults map[string]string) (*config.Config, error) {
	p.secrets.Add(mi.Secret(os.Getenv("SUPERVISOR_TOKEN")))
	environ, err := config.App(p.ctx, p.environ, readFile, host.Network().DialContext)
	if err != nil {
		return nil, err
	}
	p.origins = config.Origins(p.environ, environ)
	c, err := config.Load(config.WithDefaults(environ, defaults), readFile)
	if err != nil {
		return nil, wrongUse(err)
	}
	p.secrets.Add(c.Secrets()...)
	forgetSecrets()
	return c, nil
}

// maxFile is the largest file that a setting may name, in bytes. Lists of devices
// and certificates are far smaller.
const maxFile = 16 << 20

// readFile is os.ReadFile with a limit.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if len(text) > maxFile {
		return nil, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return text, err
}

// forgetSecrets takes the secrets out of the environment, which children inherit
// and crash reports print.
func forgetSecrets() {
	os.Unsetenv("SUPERVISOR_TOKEN")
	for _, s := range config.Settings() {
		if s.Secret {
			os.Unsetenv(s.Variable)
		}
	}
}

// Exit codes.
const (
	exitFailed      = 1
	exitWrongUse    = 2
	exitNotFound    = 3
	exitNoAnswer    = 4
	exitRefused     = 5
	exitAway        = 6 // bridge or broker
	exitSignIn      = 7
	exitInterrupted = 130
)

// failure is an error with the exit code that it means.
type failure struct {
	code int
	err  error
}

// Error returns "" for a failure that only the exit code tells.
func (f *failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

func wrongUse(err error) error { return &failure{exitWrongUse, err} }

// finish reports err in words, lets everything out and returns the exit code.
func (p *process) finish(err error) int {
	code := 0
	if err != nil && err.Error() != "" {
		mark := p.side.mark(markBad) + " "
		fmt.Fprintln(p.talk, mark+strings.ReplaceAll(mi.Plain(err), "\n", "\n"+mark))
	}
	if err != nil {
		code = exitCode(err)
	}
	if errors.Join(p.out.Flush(), p.talk.Flush()) != nil && code == 0 {
		return exitFailed
	}
	return code
}

func exitCode(err error) int {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	for _, kind := range []struct {
		err  error
		code int
	}{
		{context.Canceled, exitInterrupted},
		{mi.ErrOffline, exitNoAnswer}, {mi.ErrTimeout, exitNoAnswer},
		{mi.ErrDenied, exitRefused}, {mi.ErrInvalid, exitRefused}, {mi.ErrUnsupported, exitRefused}, {mi.ErrBusy, exitRefused},
	} {
		if errors.Is(err, kind.err) {
			return kind.code
		}
	}
	return exitFailed
}

// guard turns a panic into an error, so that its text passes the masking writer.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this is a bug, please report it: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}
