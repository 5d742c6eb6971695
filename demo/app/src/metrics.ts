// SPDX-License-Identifier: GPL-3.0-or-later
import type Redis from 'ioredis';
import type { Pool, QueryConfig } from 'pg';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { QUEUES } from './redis';

const ROUTE = ['method', 'route', 'status'] as const;
const QUEUE_STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
const QUEUE_KEYS = { waiting: 'wait', active: 'active', delayed: 'delayed', completed: 'completed', failed: 'failed' };

/** The metrics of this process; a cluster worker knows nothing of the others. */
export class Metrics {
  readonly registry = new Registry();
  readonly requests = this.counter('vendhub_http_requests_total', 'HTTP requests', ROUTE);
  readonly requestErrors = this.counter('vendhub_http_request_errors_total', 'HTTP requests refused or failed', ROUTE);
  readonly requestDuration = new Histogram({
    name: 'vendhub_http_request_duration_seconds',
    help: 'Time to answer an HTTP request',
    labelNames: [...ROUTE],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10],
    registers: [this.registry],
  });
  readonly loginAttempts = this.counter('vendhub_login_attempts_total', 'Logins tried', []);
  readonly loginFailures = this.counter('vendhub_login_failures_total', 'Logins refused', ['reason']);
  readonly sessionsCreated = this.counter('vendhub_sessions_created_total', 'Sessions opened', []);
  readonly tasksCreated = this.counter('vendhub_tasks_created_total', 'Tasks created', []);
  private readonly machinesActive = this.gauge('vendhub_machines_active');
  private readonly machinesOffline = this.gauge('vendhub_machines_offline');
  private readonly connections = this.gauge('database_connections_active');
  private readonly queues = QUEUE_STATES.map((state) => this.gauge(`bullmq_queue_${state}`, ['queue']));

  constructor(private readonly pool: Pool, private readonly redis: Redis) {
    collectDefaultMetrics({ register: this.registry, prefix: 'vendhub_' });
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    const labels = { method, route, status: String(status) };
    this.requests.inc(labels);
    if (status >= 400) this.requestErrors.inc(labels);
    this.requestDuration.observe(labels, seconds);
  }

  /** The page for Prometheus: waits for Redis without end, and goes without the database when that is down. */
  async page(): Promise<string> {
    this.connections.set(this.pool.totalCount - this.pool.idleCount);
    await Promise.all([this.readQueues(), this.readMachines().catch(() => undefined)]);
    return this.registry.metrics();
  }

  private async readQueues(): Promise<void> {
    for (const queue of QUEUES) {
      for (const [index, state] of QUEUE_STATES.entries()) {
        const key = `bull:${queue}:${QUEUE_KEYS[state]}`;
        const isList = state === 'waiting' || state === 'active';
        this.queues[index]?.set({ queue }, isList ? await this.redis.llen(key) : await this.redis.zcard(key));
      }
    }
  }

  private async readMachines(): Promise<void> {
    const query: QueryConfig & { query_timeout: number } = {
      text: `SELECT count(*) FILTER (WHERE status = 'active')::int AS active,
                    count(*) FILTER (WHERE status = 'offline')::int AS offline FROM machines`,
      query_timeout: 1000,
    };
    const { rows } = await this.pool.query<{ active: number; offline: number }>(query);
    this.machinesActive.set(rows[0]?.active ?? 0);
    this.machinesOffline.set(rows[0]?.offline ?? 0);
  }

  private counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  private gauge(name: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help: name.replaceAll('_', ' '), labelNames, registers: [this.registry] });
  }
}
