import { Gauge, type Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;
/** `true` is 1, `false` is 0. What is not known is left out. */
type Value = number | boolean | undefined;

/** Metrics by their names: what Prometheus shows of each, and what reads its value, or several with a label more. */
export type MetricTable<T> = Readonly<
  Record<string, readonly [help: string, read: (of: T) => Value | readonly (readonly [Labels, Value])[]]>
>;

/** Fills a table's metrics with values. Call it for each thing that has such metrics, with its own labels. */
export type FillMetrics = <T>(table: MetricTable<T>, of: T, labels?: Labels) => void;

export function fillMetricsIn(registry: Registry): FillMetrics {
  const gauges = new Map<string, Gauge>();
  const set = (name: string, help: string, labels: Labels, value: Value): void => {
    if (value === undefined || !Number.isFinite(Number(value))) return;
    const gauge =
      gauges.get(name) ??
      new Gauge({ name, help, labelNames: [...Object.keys(labels), 'server'], registers: [registry] });
    gauges.set(name, gauge);
    gauge.set(labels, Number(value));
  };
  return (table, of, labels = {}) => {
    for (const [name, [help, read]] of Object.entries(table)) {
      const value = read(of);
      if (typeof value === 'object') for (const [more, each] of value) set(name, help, { ...labels, ...more }, each);
      else set(name, help, labels, value);
    }
  };
}

/** The label of a server; none for that of stack.env. */
export function serverLabel(server: string | undefined): Labels {
  return server === undefined ? {} : { server };
}

/** A time as Prometheus wants it. */
export function seconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000;
}
