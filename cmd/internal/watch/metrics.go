package watch

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"neuroloupe/cmd/internal/sweep"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
)

// Metrics serves how far a sweep is to Prometheus, at /metrics.
type Metrics struct {
	server   *http.Server
	listener net.Listener
}

// Serve begins to serve at an address of this machine, HOST:PORT or :PORT.
func Serve(addr string, devices []engine.Device, progress func() sweep.Progress) (*Metrics, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, talk.Usage("--metrics %s: want a port of this machine, as 127.0.0.1:9464", addr)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, talk.Usage("--metrics %s: it is served to this machine alone, with no password; want "+
			"127.0.0.1:PORT, and a tunnel (ssh -L) from elsewhere", addr)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(devices, progress))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	m := &Metrics{&http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, l}
	go func() {
		if err := m.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			l.Close()
		}
	}()
	return m, nil
}

// Address is where it is served.
func (m *Metrics) Address() string { return "http://" + m.listener.Addr().String() + "/metrics" }

// Close ends it.
func (m *Metrics) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return m.server.Shutdown(ctx)
}

// collector reads the progress when it is asked.
type collector struct {
	progress func() sweep.Progress
	devices  []engine.Device

	networks, images, accuracy, loss, memory *prometheus.Desc
}

func newCollector(devices []engine.Device, progress func() sweep.Progress) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("neuroloupe_sweep_"+name, help, labels, nil)
	}
	return &collector{
		progress: progress, devices: devices,
		networks: desc("networks", "Networks of the sweep by state.", "state"),
		images:   desc("images_total", "Images that this process has trained on; its rate is images per second."),
		accuracy: desc("best_accuracy", "Validation accuracy of the best network that is done."),
		loss:     desc("best_loss", "Training loss of that network in its last epoch, where this process trained it."),
		memory:   desc("device_memory_bytes", "Memory of a device that is used.", "device"),
	}
}

// Describe tells all that Collect may.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.networks, c.images, c.accuracy, c.loss, c.memory} {
		to <- d
	}
}

// Collect tells how far the sweep is.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	p := c.progress()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for state, n := range map[string]int{
		"done": p.Done, "running": p.Running, "failed": p.Failed, "stopped": p.Stopped, "left": p.Left,
	} {
		gauge(c.networks, float64(n), state)
	}
	to <- prometheus.MustNewConstMetric(c.images, prometheus.CounterValue, float64(p.Images))
	if p.Best != nil {
		gauge(c.accuracy, p.Best.Accuracy)
		if p.Best.Loss > 0 {
			gauge(c.loss, p.Best.Loss)
		}
	}
	for _, d := range c.devices {
		if d.Memory > 0 {
			gauge(c.memory, float64(d.Memory), d.ID)
		}
	}
}
