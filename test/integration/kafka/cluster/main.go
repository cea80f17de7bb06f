// Command cluster runs three brokers of Apache Kafka on loopback, for trying weir
// by hand and for scripts. It prints their addresses, separated by commas, and then
// does what it reads, a line each: kill N, stop N, start N, pause N, resume N
// (N from 0), ready. Each is answered with "ok" or an error. The brokers end with
// standard input.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/weir-security/weir/test/integration/kafka"
)

func main() {
	libs := flag.String("libs", os.Getenv(kafka.LibsVariable), "`DIR` of Kafka's jars; test/integration/kafka/fetch fills one")
	dir := flag.String("dir", "", "an empty `DIR` for data and logs")
	brokers := flag.Int("brokers", 3, "how many")
	flag.Parse()
	if err := run(context.Background(), kafka.Options{Libs: *libs, Dir: *dir, Brokers: *brokers}); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o kafka.Options) (err error) {
	if o.Libs == "" || o.Dir == "" {
		return errors.New("-libs and -dir are needed")
	}
	if o.Libs, err = filepath.Abs(o.Libs); err != nil {
		return err
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	c, err := kafka.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	fmt.Println(strings.Join(c.Plaintext(), ","))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := obey(ctx, c, o.Brokers, lines.Text()); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		fmt.Println("ok")
	}
	return nil
}

func obey(ctx context.Context, c *kafka.Cluster, brokers int, line string) error {
	verb, number, _ := strings.Cut(line, " ")
	if verb == "ready" {
		return c.Ready(ctx)
	}
	do, ok := map[string]func(int) error{"kill": c.Kill, "stop": c.Stop, "start": c.Restart, "pause": c.Pause, "resume": c.Resume}[verb]
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 || n >= brokers {
		return fmt.Errorf("cannot do %q", line)
	}
	return do(n)
}
