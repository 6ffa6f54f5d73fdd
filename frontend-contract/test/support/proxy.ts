/** A TCP proxy in front of the server, to cut connections as a network does. Only for tests. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Proxy {
  /** The server's endpoint, through here. */
  readonly url: string;
  /** How many connections there have been. */
  readonly connections: number;
  /** Cut every connection, without a word, and refuse new ones until `mend`. */
  cut(): void;
  /** From now on nothing gets through in either direction, and nobody is told. */
  swallow(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function proxyTo(target: string): Promise<Proxy> {
  const { hostname, port, pathname } = new URL(target);
  const open = new Set<Socket>();
  let isCut = false;
  let swallows = false;
  let connections = 0;

  const server = createServer((client) => {
    if (isCut) return client.destroy();
    connections += 1;
    const upstream = connect(Number(port || 80), hostname);
    const swallowsThis = (): boolean => swallows && open.has(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.on("data", (data) => {
        if (!swallowsThis()) other.write(data);
      });
      one.on("error", () => one.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;

  function cut(): void {
    isCut = true;
    for (const socket of [...open]) socket.resetAndDestroy();
  }

  return {
    url: `http://127.0.0.1:${address.port}${pathname}`,
    get connections() {
      return connections;
    },
    cut,
    swallow: () => {
      swallows = true;
    },
    mend: () => {
      isCut = false;
      swallows = false;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
