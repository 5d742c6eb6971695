// SPDX-License-Identifier: GPL-3.0-or-later

export interface Window {
  ms: number;
  limit: number;
}

/** Windows in the proportions of the framework's defaults: 3 a second, 20 in ten seconds, 100 a minute. */
export function windows(perMinute: number): Window[] {
  return [
    { ms: 1_000, limit: Math.ceil(perMinute * 0.03) },
    { ms: 10_000, limit: Math.ceil(perMinute * 0.2) },
    { ms: 60_000, limit: perMinute },
  ];
}

/** Counts hits per key in this process only, so every cluster worker has a limit of its own. */
export class Throttle {
  private readonly counts = new Map<string, { hits: number; until: number }>();

  /** Seconds to wait when this hit is one too many, otherwise 0. */
  hit(key: string, limits: readonly Window[], now: number): number {
    if (this.counts.size > 10_000) this.forget(now);
    let wait = 0;
    for (const { ms, limit } of limits) {
      const id = `${ms} ${key}`;
      let count = this.counts.get(id);
      if (!count || count.until <= now) {
        count = { hits: 0, until: now + ms };
        this.counts.set(id, count);
      }
      count.hits += 1;
      if (count.hits > limit) wait = Math.max(wait, Math.ceil((count.until - now) / 1000));
    }
    return wait;
  }

  private forget(now: number): void {
    for (const [id, { until }] of this.counts) if (until <= now) this.counts.delete(id);
  }
}
