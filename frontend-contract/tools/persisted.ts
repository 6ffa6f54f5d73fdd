/**
 * The manifest of persisted documents: each operation with the fragments it needs, by the SHA-256 of that text.
 * `app/core/graphql/trusted.py` makes the same texts of the same files; a test of the server compares them.
 */
import { createHash } from "node:crypto";
import { type DocumentNode, type FragmentDefinitionNode, Kind, print, visit } from "graphql";

export function persistedDocuments(documents: readonly DocumentNode[]): string {
  const definitions = documents.flatMap((document) => document.definitions);
  const fragments = new Map(
    definitions
      .filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  const entries = definitions
    .filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    .map((node) => {
      const needed = new Set<string>();
      const follow = (from: typeof node | FragmentDefinitionNode): void => {
        visit(from, {
          FragmentSpread(spread) {
            const name = spread.name.value;
            if (needed.has(name)) return;
            needed.add(name);
            follow(fragments.get(name)!);
          },
        });
      };
      follow(node);
      const parts = [node, ...[...needed].sort().map((name) => fragments.get(name)!)];
      const body = `${parts.map(print).join("\n\n")}\n`;
      const id = createHash("sha256").update(body).digest("hex");
      // As in the manifests that Apollo's and other persisted-query links read.
      return { id, name: node.name!.value, type: node.operation, body };
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const manifest = { format: "apollo-persisted-query-manifest", version: 1, operations: entries };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
