// SPDX-License-Identifier: GPL-3.0-or-later
import type Redis from 'ioredis';
import type { Pool } from 'pg';
import { ping } from './database';
import { HttpError, type Reply, type Route } from './http';
import type { Window } from './throttle';

interface Part {
  status: 'up' | 'down';
  message?: string;
}

/** Health as the backend gives it: 503 without PostgreSQL, no answer without Redis, ready and live whatever happens. */
export function healthRoutes(pool: Pool, redis: Redis, version: string, limits: readonly Window[]): Route[] {
  const started = Date.now();
  const alive = async (): Promise<Reply> => ({
    status: 200,
    body: { status: 'ok', timestamp: new Date().toISOString(), uptime: (Date.now() - started) / 1000, version },
  });
  const health = async (): Promise<Reply> => {
    const [database, cache] = await Promise.all([look(ping(pool, 1000)), look(redis.ping())]);
    const details = { database, redis: cache };
    const [info, error] = [pick(details, 'up'), pick(details, 'down')];
    if (Object.keys(error).length > 0) throw new HttpError(503, 'Service Unavailable Exception', { error });
    return { status: 200, body: { status: 'ok', info, error, details, version } };
  };
  return [
    { method: 'GET', path: '/health', limits, handle: health },
    { method: 'GET', path: '/health/ready', limits, handle: alive },
    { method: 'GET', path: '/health/live', limits, handle: alive },
  ];
}

async function look(answer: Promise<unknown>): Promise<Part> {
  try {
    await answer;
    return { status: 'up' };
  } catch (error) {
    return { status: 'down', message: (error as Error).message || 'no connection' };
  }
}

function pick(details: Record<string, Part>, status: Part['status']): Record<string, Part> {
  return Object.fromEntries(Object.entries(details).filter(([, part]) => part.status === status));
}
