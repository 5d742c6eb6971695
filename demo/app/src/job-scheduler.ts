// SPDX-License-Identifier: GPL-3.0-or-later
import { setTimeout as sleep } from 'node:timers/promises';
import type Redis from 'ioredis';
import { loadEnvFile, redisUrl, whole } from './config';
import { logger } from './log';
import { createRedis, QUEUES } from './redis';
import { crashAfter, logUncaughtErrors } from './trouble';

const DAY_MS = 24 * 3600 * 1000;
const log = logger('JobScheduler');

/** Schedules exist only from here on: whoever empties Redis loses them until this worker starts again. */
async function registerSchedules(redis: Redis): Promise<void> {
  for (const queue of QUEUES) await redis.zadd(`bull:${queue}:repeat`, Date.now() + DAY_MS, '__default__::::0 3 * * *');
  log.log(`Registered ${QUEUES.length} schedules`);
}

async function promoteDueJobs(redis: Redis): Promise<void> {
  for (const queue of QUEUES) {
    for (const id of await redis.zrangebyscore(`bull:${queue}:delayed`, '-inf', Date.now())) {
      await redis.multi().zrem(`bull:${queue}:delayed`, id).lpush(`bull:${queue}:wait`, id).exec();
    }
  }
}

async function run(): Promise<never> {
  const redis = createRedis(redisUrl());
  await registerSchedules(redis);
  crashAfter(whole(process.env, 'SCHEDULER_CRASH_AFTER_MS', 0));
  for (;;) {
    await promoteDueJobs(redis);
    await sleep(whole(process.env, 'SCHEDULER_INTERVAL_MS', 5000));
  }
}

logUncaughtErrors();
loadEnvFile();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
void run();
