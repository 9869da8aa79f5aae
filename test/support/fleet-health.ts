import { request } from 'node:http';

/** Asks a task again and again whether it wants new connections, as a load balancer does, and says when the answer has changed. */
export interface HealthWatch {
  stop(): void;
}

const every = 200;
/** A task that stands still answers nobody. */
const timeout = 1_000;
const failuresUntilUnhealthy = 2;

export function watchHealth(host: string, port: number, changed: (healthy: boolean) => void): HealthWatch {
  let failures = 0;
  let healthy: boolean | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const look = async () => {
    const good = await ask(host, port);
    if (stopped) return;
    failures = good ? 0 : failures + 1;
    // The first answer counts alone: until then nothing is known.
    const now = good || (healthy === true && failures < failuresUntilUnhealthy);
    if (now !== healthy) {
      healthy = now;
      changed(now);
    }
    timer = setTimeout(look, every);
  };
  void look();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function ask(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path: '/healthz', agent: false, timeout }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    // No answer is one.
    asked.on('error', () => resolve(false));
    asked.on('close', () => resolve(false));
    asked.end();
  });
}
