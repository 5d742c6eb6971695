// SPDX-License-Identifier: GPL-3.0-or-later
// One file for every place: VENDHUB_APP_DIR names the folder of the release (a link such as /opt/vendhub/current is
// kept as it is), LOG_DIR the folder of the logs. No secret belongs here: PM2 writes its environment to dump.pm2.
const { resolve } = require('node:path');

const cwd = process.env.VENDHUB_APP_DIR || '/opt/vendhub/current';
const logs = resolve(cwd, process.env.LOG_DIR || 'logs');

const shared = {
  cwd,
  env: { NODE_ENV: 'production', LOG_DIR: logs },
  // Not `time: true`: it replaces this format by one without a zone.
  log_date_format: 'YYYY-MM-DD HH:mm:ss Z',
  merge_logs: true,
};

module.exports = {
  apps: [
    {
      ...shared,
      name: 'vendhub-api',
      script: `${cwd}/dist/main.js`,
      exec_mode: 'cluster',
      instances: 2,
      max_memory_restart: '300M',
      kill_timeout: 10000,
      out_file: `${logs}/api-out.log`,
      error_file: `${logs}/api-error.log`,
    },
    {
      ...shared,
      name: 'job-scheduler',
      script: `${cwd}/dist/job-scheduler.js`,
      exec_mode: 'fork',
      instances: 1,
      max_memory_restart: '200M',
      out_file: `${logs}/scheduler-out.log`,
      error_file: `${logs}/scheduler-error.log`,
    },
  ],
};
