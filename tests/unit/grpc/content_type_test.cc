// Which content-types are gRPC, and the same in the other dialect.
#include "grpc/content_type.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace postern::grpc {
namespace {

TEST(GrpcContentType, WhatIsGrpcAndWhatIsNot) {
  struct Row {
    std::string text;
    Kind kind;
    std::string suffix;
  };
  for (const Row& row : {
           Row{"application/grpc", Kind::grpc, ""},
           Row{"Application/GRPC", Kind::grpc, ""},
           Row{"application/grpc+proto", Kind::grpc, "+proto"},
           Row{"application/grpc+proto; charset=utf-8", Kind::grpc, "+proto"},
           Row{"application/grpc;x=y", Kind::grpc, ""},
           Row{"application/grpc ;x=y", Kind::grpc, ""},
           Row{"application/grpc-web", Kind::web, ""},
           Row{"application/grpc-web+proto", Kind::web, "+proto"},
           Row{"application/grpc-web-text", Kind::web_text, ""},
           Row{"application/grpc-web-text+proto", Kind::web_text, "+proto"},
           Row{"application/grpc-web-text;charset=utf-8", Kind::web_text, ""},
           Row{"application/grpc-web+x.y-1", Kind::web, "+x.y-1"},
           Row{"", Kind::none, ""},
           Row{"application/json", Kind::none, ""},
           Row{"application/grp", Kind::none, ""},
           Row{"application/grpcx", Kind::none, ""},
           Row{"application/grpc-", Kind::none, ""},
           Row{"application/grpc-webx", Kind::none, ""},
           Row{"application/grpc-web-", Kind::none, ""},
           Row{"application/grpc-web-textx", Kind::none, ""},
           Row{"application/grpc +proto", Kind::none, ""},
           Row{"application/grpc+", Kind::none, ""},
           Row{"application/grpc+a b", Kind::none, ""},
           Row{"application/grpc+a\"b", Kind::none, ""},
           Row{"application/grpc+" + std::string(40, 'a'), Kind::none, ""},
           Row{" application/grpc", Kind::none, ""},
           Row{"application/grpc, text/html", Kind::none, ""},
       }) {
    const ContentType type = parse_content_type(row.text);
    EXPECT_EQ(type.kind, row.kind) << row.text;
    EXPECT_EQ(type.suffix, row.suffix) << row.text;
  }
}

TEST(GrpcContentType, TheAnswerIsInTheDialectOfTheRequestUnlessAcceptSaysOtherwise) {
  EXPECT_EQ(answer_kind(Kind::grpc, "application/grpc-web"), Kind::grpc);
  EXPECT_EQ(answer_kind(Kind::none, "application/grpc-web"), Kind::none);
  EXPECT_EQ(answer_kind(Kind::web, ""), Kind::web);
  EXPECT_EQ(answer_kind(Kind::web_text, "*/*"), Kind::web_text);
  EXPECT_EQ(answer_kind(Kind::web, "text/html, application/grpc-web-text"), Kind::web_text);
  EXPECT_EQ(answer_kind(Kind::web_text, "application/grpc-web+proto, application/grpc-web-text"), Kind::web);
}

TEST(GrpcContentType, IsWrittenInTheOtherDialect) {
  std::array<char, 64> space{};
  EXPECT_EQ(write_content_type(Kind::grpc, "", space), "application/grpc");
  EXPECT_EQ(write_content_type(Kind::grpc, "+proto", space), "application/grpc+proto");
  EXPECT_EQ(write_content_type(Kind::web, "", space), "application/grpc-web+proto");
  EXPECT_EQ(write_content_type(Kind::web_text, "+proto", space), "application/grpc-web-text+proto");
  EXPECT_EQ(write_content_type(Kind::web_text, "+json", space), "application/grpc-web-text+json");
  EXPECT_EQ(write_content_type(Kind::grpc, "+json", std::span(space).first(8)), "application/grpc");
}

}  // namespace
}  // namespace postern::grpc
