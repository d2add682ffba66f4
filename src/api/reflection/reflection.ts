/** grpc.reflection v1 and v1alpha: one implementation, for the two differ in their package only. */
import type { DescFile, DescService } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { file_google_rpc_error_details } from '../../../gen/es/google/rpc/error_details_pb.js';
import { file_google_rpc_status } from '../../../gen/es/google/rpc/status_pb.js';
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../../gen/es/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionV1Alpha } from '../../../gen/es/grpc/reflection/v1alpha/reflection_pb.js';
import { callSignal, endingOf } from '../calls.ts';
import type { Fields } from '../codec/fields.ts';
import { type Mounted, mount, type ServiceOf } from '../seam.ts';
import { collectDescriptors, type Descriptors, fileBytes, withDependencies } from './files.ts';

type Answer = NonNullable<Fields<ServerReflectionResponse>['messageResponse']>;
type Question = Pick<ServerReflectionRequest, 'messageRequest'>;

function unknown(what: string): Answer {
  return { case: 'errorResponse', value: { errorCode: Code.NotFound, errorMessage: `${what} is not known here` } };
}

/** The file with what it needs, without what this stream was sent already; the file itself is always there. */
function descriptorAnswer(file: DescFile, sent: Set<DescFile>): Answer {
  const files = withDependencies(file).filter((candidate) => candidate === file || !sent.has(candidate));
  for (const each of files) sent.add(each);
  // The file that was asked for goes first.
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: files.reverse().map(fileBytes) } };
}

function answer(
  { messageRequest: question }: Question,
  known: { readonly descriptors: Descriptors; readonly services: readonly string[] },
  sent: Set<DescFile>,
): Answer {
  const { files, symbols, extensions } = known.descriptors;
  switch (question.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: known.services.map((name) => ({ name })) } };
    case 'fileByFilename': {
      const file = files.get(question.value);
      return file === undefined ? unknown(`file ${question.value}`) : descriptorAnswer(file, sent);
    }
    case 'fileContainingSymbol': {
      const file = symbols.get(question.value.replace(/^\./, ''));
      return file === undefined ? unknown(`symbol ${question.value}`) : descriptorAnswer(file, sent);
    }
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      const found = extensions.get(containingType)?.find(({ number }) => number === extensionNumber);
      return found === undefined ? unknown(`extension ${extensionNumber} of ${containingType}`) : descriptorAnswer(found.file, sent);
    }
    case 'allExtensionNumbersOfType': {
      if (!symbols.has(question.value)) return unknown(`type ${question.value}`);
      const extensionNumber = (extensions.get(question.value) ?? []).map(({ number }) => number);
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber } };
    }
    case undefined:
      return { case: 'errorResponse', value: { errorCode: Code.InvalidArgument, errorMessage: 'the request asks for nothing' } };
  }
}

/** Both versions of the service, for the services in `served` and for themselves. */
export function reflectionServices(served: readonly DescService[]): Mounted[] {
  const services = [...served, ServerReflection, ServerReflectionV1Alpha];
  const known = {
    // Details of errors are no part of any method: clients ask for them by name to show what an error says.
    descriptors: collectDescriptors([...services.map(({ file }) => file), file_google_rpc_error_details, file_google_rpc_status]),
    services: services.map(({ typeName }) => typeName).sort(),
  };
  const implementation: ServiceOf<typeof ServerReflection> = {
    async *serverReflectionInfo(requests, context) {
      const sent = new Set<DescFile>();
      for await (const request of requests) {
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(request, known, sent) };
      }
      const ending = endingOf(callSignal(context));
      if (ending !== undefined) throw ending;
    },
  };
  return [mount(ServerReflection, implementation), { service: ServerReflectionV1Alpha, implementation }];
}
