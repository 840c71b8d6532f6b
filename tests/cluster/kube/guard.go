package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// runGuard is `kube guard FOLDER PROGRAM [ARGUMENT...] [-- PROGRAM [ARGUMENT...]]...`: runs the programs for as long as its
// standard input stays open, then ends them and removes FOLDER. Whoever holds the other end of that pipe so takes all of it
// along, however it ends. Each program's output goes to FOLDER/PROGRAM.log. When a program ends by itself the guard ends the
// others and fails, and leaves the folder to be read.
func runGuard(args []string) int {
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: kube guard FOLDER PROGRAM [ARGUMENT...] [-- PROGRAM [ARGUMENT...]]...")
		return 2
	}
	// A child gets Pdeathsig when the thread that started it ends, so this thread must live as long as the process.
	runtime.LockOSThread()
	folder := args[0]
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(closed)
	}()
	ended := make(chan error)
	running, err := startAll(folder, split(args[1:]), ended)
	left := len(running)
	if err == nil {
		select {
		case <-closed:
		case err = <-ended:
			left--
			err = errors.Join(errors.New("a guarded program ended by itself"), err)
		}
	}
	// Killed rather than asked: what is guarded keeps nothing that is worth an orderly end.
	for _, command := range running {
		_ = command.Process.Kill()
	}
	for range left {
		<-ended
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func startAll(folder string, programs [][]string, ended chan<- error) ([]*exec.Cmd, error) {
	var running []*exec.Cmd
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, program := range programs {
		log, err := os.Create(filepath.Join(folder, program[0]+".log"))
		if err != nil {
			return running, err
		}
		command := exec.Command(self, program...)
		command.Stdout, command.Stderr = log, log
		command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
		if err := command.Start(); err != nil {
			return running, err
		}
		log.Close()
		running = append(running, command)
		go func() { ended <- command.Wait() }()
	}
	return running, nil
}

func split(args []string) [][]string {
	programs := [][]string{nil}
	for _, arg := range args {
		if arg == "--" {
			programs = append(programs, nil)
			continue
		}
		last := len(programs) - 1
		programs[last] = append(programs[last], arg)
	}
	return programs
}
