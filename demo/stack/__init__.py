# SPDX-License-Identifier: GPL-3.0-or-later
"""Real services in a folder of ours: no root needed, no default ports, stopped by pid.

    with postgresql.Cluster(folder, version="18", settings={"max_connections": 20}) as cluster:
        cluster.execute("CREATE TABLE t (n int)", database="postgres")     # .host .port .superuser .password
        cluster.freeze(); cluster.thaw(); cluster.kill(); cluster.start()
    with redis.Server(folder, version="6", settings={"maxmemory": "16mb"}) as server:
        server.client().set("a", 1)                                        # .host .port .password .socket
    with pm2.Pm2(home, version="7") as daemon:                             # home is PM2_HOME: keep its path short
        daemon.start(Path("ecosystem.config.js"), environment={"PORT": "1234"})
        daemon.jlist(); daemon.daemon                                      # a process.Process: .pid .freeze() .kill()

Versions: PostgreSQL 16 and 18 (wheel), 15 (Debian); Redis 6 (wheel), 7 (system); PM2 5, 6 and 7 (npm, kept in .cache).
In tests use the fixtures of tests/conftest.py: postgresql, redis_server, node, make_postgresql, make_redis, make_pm2.
Services die with the process that started them unless ``survives=True``; leaving the ``with`` always stops them.
"""
