// SPDX-License-Identifier: GPL-3.0-or-later
import Redis from 'ioredis';
import { logger } from './log';

export const QUEUES = ['commissions', 'sales-import', 'reports'] as const;

/** A client that never gives up: commands wait, without end, until the server is back. */
export function createRedis(url: string): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(attempt * 200, 2000),
  });
  redis.on('error', (error: Error) => logger('RedisModule').error(`Redis connection: ${error.message}`));
  return redis;
}
